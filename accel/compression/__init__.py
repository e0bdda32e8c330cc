"""What makes the model smaller or faster; any number of these compose."""
