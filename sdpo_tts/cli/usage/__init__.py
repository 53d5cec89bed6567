"""How a command line is explained and how a wrong one is refused."""
