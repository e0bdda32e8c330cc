"""Where a run is logged besides its own folder."""
