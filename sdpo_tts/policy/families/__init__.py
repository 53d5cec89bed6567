"""Differences between families of models, found by examining the model instead of its name."""
