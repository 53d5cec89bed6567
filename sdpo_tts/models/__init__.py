"""Which weights: the catalogue of models, where their bytes come from, and how they are loaded."""
