n, target = map(int, input().split())
numbers = list(map(int, input().split()))
places = {number: place for place, number in enumerate(numbers, start=1)}
for place, number in enumerate(numbers, start=1):
    if target - number in places:
        print(*sorted((place, places[target - number])))
        break
else:
    print(-1)
