n = int(input())
print(*dict.fromkeys(input() for _ in range(n)))
