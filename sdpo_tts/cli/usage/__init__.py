"""How help is laid out, and how usage errors are reported."""
