for i in range(10**6):
    open(f'/tmp/{i}', 'w').close()
