data = bytearray(b'1') * (320 << 20)
print(len(data))
