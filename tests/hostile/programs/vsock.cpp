#include <cstdio>
#include <sys/socket.h>
int main() {
    if (socket(40, SOCK_STREAM, 0) >= 0) puts("opened");
    long long a, b;
    if (scanf("%lld %lld", &a, &b) != 2) return 3;
    printf("%lld\n", a + b);
}
