"""`generate.py NUMBER`: a small random input, the same for the same number."""

import random
import sys

draw = random.Random(int(sys.argv[1]))
n = draw.randint(2, 6)
print(n, draw.randint(-5, 10))
print(*(draw.randint(-3, 7) for _ in range(n)))
