"""The processes of a run: where each stands, how they start, meet and stop."""
