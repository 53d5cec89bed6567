import sys

total = 0
for line in sys.stdin:
    name, quantity, price = line.split(",")
    total += int(quantity) * int(price)
print(total)
