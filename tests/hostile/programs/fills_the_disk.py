with open('/tmp/big', 'wb') as file:
    while True:
        file.write(b'1' * (1 << 20))
