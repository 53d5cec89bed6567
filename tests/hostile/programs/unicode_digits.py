a, b = map(int, input().split())
print('\u3000'.join(chr(0xFF10 + int(c)) for c in str(a + b)))
