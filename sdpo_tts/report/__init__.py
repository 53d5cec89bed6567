"""What a set of runs shows, from their journals alone: all numbers, and the words for them. Nothing is drawn here."""
