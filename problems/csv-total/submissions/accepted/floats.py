import sys

total = 0.0
for line in sys.stdin:
    name, quantity, price = line.strip().split(",")
    total += int(quantity) * float(price)
print(f"{total:.2f}")
