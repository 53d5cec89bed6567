"""Commands on problems: check, import, judge, listen, new."""
