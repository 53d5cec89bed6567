width, height = (int(field[2:]) for field in input().split())
area = 0
for _ in range(height):
    area += width
print(area)
