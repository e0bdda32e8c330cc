"""What every part of accel is made of; nothing here imports torch."""
