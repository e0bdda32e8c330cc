"""From what was typed to the options that it names."""
