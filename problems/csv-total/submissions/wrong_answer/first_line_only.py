name, quantity, price = input().split(",")
print(f"{int(quantity) * float(price):.2f}")
