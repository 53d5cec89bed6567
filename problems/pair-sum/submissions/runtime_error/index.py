n, target = map(int, input().split())
numbers = list(map(int, input().split()))
for i, number in enumerate(numbers):
    j = numbers.index(target - number)
    if i != j:
        print(*sorted((i + 1, j + 1)))
        break
