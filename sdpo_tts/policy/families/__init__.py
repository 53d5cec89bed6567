"""What differs between families of models, found by looking at the model instead of its name."""
