#include <cstdio>
#include <vector>
int main() {
    std::vector<char> v(1ull << 50);
    printf("%d\n", v[5]);
}
