"""What was measured outside a run: how good a teacher is, what an adapter changed, what a teacher thinks of an answer."""
