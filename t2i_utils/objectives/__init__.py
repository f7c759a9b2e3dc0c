"""Losses as values: adversarial triples, named terms, and the round they look at."""
