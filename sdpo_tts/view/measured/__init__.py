"""Measurements made outside a run: of a teacher, of an adapter, of one answer."""
