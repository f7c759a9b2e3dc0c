"""Captions to vectors, once: encoders, their training, and the cache in the HDF5 file."""
