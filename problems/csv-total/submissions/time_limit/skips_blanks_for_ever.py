import sys

total = 0
line = sys.stdin.readline()
while line is not None:
    if line.strip():
        name, quantity, price = line.split(",")
        total += int(quantity) * float(price)
    line = sys.stdin.readline()
print(f"{total:.2f}")
