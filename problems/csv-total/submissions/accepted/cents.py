cents = 0
while True:
    try:
        name, quantity, price = input().split(",")
    except EOFError:
        break
    cents += int(quantity) * int(price.replace(".", ""))
print(f"{cents // 100}.{cents % 100:02d}")
