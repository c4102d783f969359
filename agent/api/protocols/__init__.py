"""Chat protocols that other software speaks already; one file each."""
