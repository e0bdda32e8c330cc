"""What recommends without reading a text: who took what, in tensors, and what is learned of it alone."""
