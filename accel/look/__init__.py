"""Looks at a data file: what its columns hold, what can be learned of it, and the command that does. No torch."""
