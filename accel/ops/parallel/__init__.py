"""Layers of which each process holds a part."""
