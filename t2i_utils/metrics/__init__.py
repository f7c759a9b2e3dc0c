"""Measures of painted pictures: pure functions over injected features, each with its protocol."""
