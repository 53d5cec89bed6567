#include <cstdio>
#include <sys/socket.h>
int main() {
    int result;
    int arguments[3] = {AF_INET, SOCK_STREAM, 0};
    (void)arguments;
    asm volatile("int $0x80" : "=a"(result) : "a"(359), "b"(2), "c"(1), "d"(0) : "memory");  // socket
    printf("%d\n", result >= 0 ? 666 : 0);
}
