import sys

coins = []
for line in sys.stdin:
    name, quantity, price = line.split(",")
    coins += [1] * (int(quantity) * int(price.strip().replace(".", "")))
print(f"{sum(coins) / 100:.2f}")
