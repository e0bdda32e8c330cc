"""What networks predict: a class for each kind."""
