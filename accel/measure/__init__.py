"""What models cost: time, bytes, memory."""
