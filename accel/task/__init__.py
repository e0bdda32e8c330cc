"""What is learned: where the examples come from and how a prediction is scored."""
