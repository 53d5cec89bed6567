#include <cstdio>
#include <unistd.h>
int main() {
    long number = syscall(0x40000000 + 41, 2, 1, 0);  // socket
    int a, b;
    if (number >= 0) puts("opened");
    else if (scanf("%d %d", &a, &b) == 2) printf("%d\n", a + b);
}
