"""HTTP in and out, nothing else: schemas, dependencies and one file of routes a subject."""
