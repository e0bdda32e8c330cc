"""Heads, channels and layers that are left out."""
