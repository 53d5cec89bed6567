print(*dict.fromkeys(input().split()))
