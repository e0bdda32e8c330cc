"""The documentation: pages that ``accel help TOPIC`` prints and ``make docs`` makes a site of."""
