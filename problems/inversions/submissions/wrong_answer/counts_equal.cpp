#include <iostream>
#include <vector>

int main() {
    long long n, x, a, c, m;
    std::cin >> n >> x >> a >> c >> m;
    std::vector<long long> terms;
    long long inversions = 0;
    while (n--) {
        for (long long earlier : terms) inversions += earlier >= x;
        terms.push_back(x);
        x = (a * x + c) % m;
    }
    std::cout << inversions << "\n";
}
