"""Predictions of a finished model."""
