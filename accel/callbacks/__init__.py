"""Work between steps: what techniques and the run itself hand to Lightning."""
