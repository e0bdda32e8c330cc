"""The pretrained transformer a run starts from, and its tokenizer."""
