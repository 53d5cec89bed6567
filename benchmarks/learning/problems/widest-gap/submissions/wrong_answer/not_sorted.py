n = int(input())
numbers = list(map(int, input().split()))
print(max((b - a for a, b in zip(numbers, numbers[1:])), default=0))
