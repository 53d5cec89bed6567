width, height = (int(field[2:]) for field in input().split())
print(2 * (width + height))
