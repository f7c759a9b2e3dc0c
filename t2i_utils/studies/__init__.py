"""Measurements behind what the README says: too long for a test, each with a command of its own."""
