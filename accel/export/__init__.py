"""Finished models in the formats of engines, each checked against the model that was trained."""
