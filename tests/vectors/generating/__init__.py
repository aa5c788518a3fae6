"""Makes the vectors again, with keys, times and serial numbers that are fixed."""
