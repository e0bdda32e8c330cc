"""Limits that a finished run has to keep before anybody ships it. No torch: everything is in records."""
