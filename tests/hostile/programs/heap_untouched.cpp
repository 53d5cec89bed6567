#include <cstdio>
#include <cstdlib>
int main() {
    volatile char *p = (char *)malloc(1 << 30);
    if (!p) return 4;
    long long a, b;
    if (scanf("%lld %lld", &a, &b) != 2) return 3;
    printf("%lld\n", a + b);
}
