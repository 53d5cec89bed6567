"""What comes from the user, not from the model: programs of their own, hints, and the verdict of another judge."""
