"""What the model is told of a program that failed, and the second run that finds out why it did."""
