#include <cstdio>
static char big[600 << 20];
int main() {
    long long a, b;
    if (scanf("%lld %lld", &a, &b) != 2) return 3;
    printf("%lld\n", a + b + big[5]);
}
