n, target = map(int, input().split())
numbers = sorted((number, place) for place, number in enumerate(map(int, input().split()), start=1))
low, high = 0, n - 1
while low < high and numbers[low][0] + numbers[high][0] != target:
    if numbers[low][0] + numbers[high][0] < target:
        low += 1
    else:
        high -= 1
print(*sorted((numbers[low][1], numbers[high][1]))) if low < high else print(-1)
