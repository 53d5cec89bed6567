#include <cstdio>
#include <sys/syscall.h>
#include <unistd.h>
int main() {
    char parameters[256] = {};
    if (syscall(425, 8, parameters) >= 0) puts("opened");
    long long a, b;
    if (scanf("%lld %lld", &a, &b) != 2) return 3;
    printf("%lld\n", a + b);
}
