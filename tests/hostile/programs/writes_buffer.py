import sys

sys.stdout.buffer.write(b'%d' % sum(map(int, input().split())))
