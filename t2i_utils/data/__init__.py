"""Captioned pictures: where they come from, how they lie in one HDF5 file, and how they reach a network."""
