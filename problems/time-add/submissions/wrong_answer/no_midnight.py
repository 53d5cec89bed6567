hours, minutes = map(int, input().split(":"))
total = hours * 60 + minutes + int(input())
print(f"{total // 60:02d}:{total % 60:02d}")
