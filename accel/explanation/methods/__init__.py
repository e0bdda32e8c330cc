"""The methods of ``accel explain``: a module each."""
