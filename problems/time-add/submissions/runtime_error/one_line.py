clock, added = input().split()
hours, minutes = map(int, clock.split(":"))
total = (hours * 60 + minutes + int(added)) % 1440
print(f"{total // 60:02d}:{total % 60:02d}")
