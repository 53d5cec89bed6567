"""`generate.py NUMBER`: a small random input, the same for the same number."""

import random
import sys

draw = random.Random(int(sys.argv[1]))
lines = [" ".join(draw.choices(("a", "bb", "cat", "dog"), k=draw.randint(1, 4))) for _ in range(draw.randint(1, 4))]
print(len(lines), *lines, sep="\n")
