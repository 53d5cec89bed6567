total = 0
while True:
    line = input()
    if line == "":
        break
    name, quantity, price = line.split(",")
    total += int(quantity) * float(price)
print(f"{total:.2f}")
