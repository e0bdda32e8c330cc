"""Which words moved an answer, how far that can be trusted, and whether another model says the same."""
