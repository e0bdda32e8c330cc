"""Many runs from one command: the grid, the processes, and what came of them."""
