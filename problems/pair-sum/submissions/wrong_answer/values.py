n, target = map(int, input().split())
seen = set()
for number in map(int, input().split()):
    if target - number in seen:
        print(target - number, number)
        break
    seen.add(number)
else:
    print(-1)
