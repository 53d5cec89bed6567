"""Chooses among programs that pass the samples, for problems without held-out tests."""
