"""Measurements of a model outside a run: how good a teacher it is, and what an adapter changed."""
