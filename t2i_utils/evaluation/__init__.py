"""Scores of whatever paints, with their protocol: a painter, a folder of pictures, real pictures, noise."""
