import sys

total = 0
for line in sys.stdin:
    name, quantity, price = line.split(",")
    total += int(quantity) * float(price)
print(total)
