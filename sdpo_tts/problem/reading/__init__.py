"""What the readers of other people's formats share: packages, rows, LaTeX, validators, and the problem they make."""
