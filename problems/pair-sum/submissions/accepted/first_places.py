n, target = map(int, input().split())
seen = {}
for place, number in enumerate(map(int, input().split()), start=1):
    if target - number in seen:
        print(seen[target - number], place)
        break
    seen.setdefault(number, place)
else:
    print(-1)
