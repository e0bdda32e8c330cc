"""The verbs of the ``accel`` command, and the run that is everything whose first word is no verb."""
