#include <array>
#include <iostream>

std::array<int, 1000> terms;

int main() {
    long long n, x, a, c, m;
    std::cin >> n >> x >> a >> c >> m;
    long long inversions = 0;
    for (int i = 0; i < n; ++i) {
        terms.at(i) = x;
        x = (a * x + c) % m;
        for (int j = 0; j < i; ++j) inversions += terms[j] > terms[i];
    }
    std::cout << inversions << "\n";
}
