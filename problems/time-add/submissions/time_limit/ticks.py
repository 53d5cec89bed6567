hours, minutes = map(int, input().split(":"))
for _ in range(int(input())):
    minutes += 1
    if minutes == 60:
        minutes = 0
        hours += 1
    if hours == 24:
        hours = 0
print(f"{hours:02d}:{minutes:02d}")
