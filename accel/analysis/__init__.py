"""What a finished model does: what its predictions rest on, and what it gives away."""
