hours, minutes = map(int, input().split(":"))
total = (hours * 60 + minutes + int(input())) % 1440
print(f"{total // 60}:{total % 60}")
