print(*dict.fromkeys(input()))
