"""Model weights: the catalogue, downloads, and loading."""
