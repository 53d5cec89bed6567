"""What a set of runs shows, from their journals alone: all numbers, and the sentences about them. Draws nothing."""
