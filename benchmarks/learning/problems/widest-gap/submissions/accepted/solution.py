n = int(input())
numbers = sorted(map(int, input().split()))
print(max((b - a for a, b in zip(numbers, numbers[1:])), default=0))
