"""Pure functions on tensors and modules, apart from the techniques that schedule them; tested without a trainer."""
