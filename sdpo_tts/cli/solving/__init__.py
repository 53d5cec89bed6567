"""Commands that sample: solve, compare, probe; and the settings that they use."""
