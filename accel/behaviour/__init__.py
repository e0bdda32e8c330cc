"""What a model decided on a split, and how two models differ in it: numpy alone, no torch."""
