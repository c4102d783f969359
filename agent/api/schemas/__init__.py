"""What goes over HTTP, one file a subject. Field texts appear in the API's documentation."""
