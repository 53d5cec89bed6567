print(*sorted(set(input().split())))
