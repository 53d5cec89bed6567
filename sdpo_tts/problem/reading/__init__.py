"""What the readers of other formats share: packages, rows, LaTeX, validators, and the resulting problem."""
