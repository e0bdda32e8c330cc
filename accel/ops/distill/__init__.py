"""What a student learns from a teacher."""

DISTANCES = "distill_distances"
"""A term of the loss: how many distances to the teacher a step had, whatever its records are."""
