"""What a model says of texts over time, and since when a label comes more often than it used to."""
