data = []
while True:
    data.append(bytearray(b'1') * (1 << 20))
