#include <iostream>

int main() {
    long long n, x, a, c, m, inversions = 0;
    std::cin >> n >> x >> a >> c >> m;
    while (--n) {
        long long next = (a * x + c) % m;
        inversions += x > next;
        x = next;
    }
    std::cout << inversions << "\n";
}
