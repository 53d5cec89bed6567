n = int(input())
total = 0
for _ in range(n):
    name, quantity, price = input().split(",")
    total += int(quantity) * float(price)
print(f"{total:.2f}")
