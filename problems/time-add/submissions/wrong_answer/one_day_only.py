hours, minutes = map(int, input().split(":"))
total = hours * 60 + minutes + int(input())
if total >= 1440:
    total -= 1440
print(f"{total // 60:02d}:{total % 60:02d}")
