"""Models as folders: those that accel saves, and those that others saved."""
