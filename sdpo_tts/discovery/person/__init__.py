"""What the user contributes: programs of their own, hints, and the verdict of an external judge."""
