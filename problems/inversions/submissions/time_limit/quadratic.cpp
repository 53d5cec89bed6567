#include <iostream>
#include <vector>

int main() {
    long long n, x, a, c, m;
    std::cin >> n >> x >> a >> c >> m;
    std::vector<int> terms;
    long long inversions = 0;
    while (n--) {
        for (int earlier : terms) inversions += earlier > x;
        terms.push_back(x);
        x = (a * x + c) % m;
    }
    std::cout << inversions << "\n";
}
