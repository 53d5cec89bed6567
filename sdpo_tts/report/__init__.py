"""What a set of runs shows, from their journals alone: numbers, then page, picture, files and terminal."""
