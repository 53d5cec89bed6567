"""What the model reads about a program that failed, and the second run that finds out why it failed."""
