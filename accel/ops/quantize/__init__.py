"""Weights and activations in few bits, while training and after."""
