hours, minutes = map(int, input().split(":"))
start = hours * 60 + minutes
clock = list(range(start, start + int(input()) + 1))
total = clock[-1] % 1440
print(f"{total // 60:02d}:{total % 60:02d}")
