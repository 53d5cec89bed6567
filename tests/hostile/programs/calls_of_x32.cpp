#include <cstdio>
#include <unistd.h>
int main() {
    long number = syscall(0x40000000 + 41, 2, 1, 0);  // socket
    if (number >= 0) puts("opened");
    return 1;
}
