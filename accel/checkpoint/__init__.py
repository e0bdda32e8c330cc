"""A run's state on disk: whole or not at all, one file or a part from each process."""
