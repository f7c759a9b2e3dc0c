"""Speed against the usual way of doing it, as ratios of two sides measured in one run: `make bench`."""
