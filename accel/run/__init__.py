"""A plan from its first step to its record."""
