import sys

print(f"{sum(float(line.split(',')[2]) for line in sys.stdin):.2f}")
