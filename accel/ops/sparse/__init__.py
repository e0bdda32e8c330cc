"""Single weights that are zero."""
