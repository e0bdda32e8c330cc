"""Which options make a plan, and which cannot meet."""
