"""A problem as a Harbor task: its files, and the program that judges inside it."""
