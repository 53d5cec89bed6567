"""What comes from the person, not from the model: programs of their own, hints, and the verdict of another judge."""
