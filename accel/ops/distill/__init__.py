"""What a student learns from a teacher."""

DISTANCES = "distill_distances"
"""A term of the loss: how many distances to the teacher a step had, whatever its records are."""
BELIEVED = "answers_imitated"
"""Logged beside them where some texts have no label: the share with a label, or an answer that is sure enough."""
