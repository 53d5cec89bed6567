#include <iostream>
#include <numeric>
#include <vector>

int main() {
    long long n, x, a, c, m;
    std::cin >> n >> x >> a >> c >> m;
    std::vector<int> terms(n);
    for (int& term : terms) {
        term = x;
        x = (a * x + c) % m;
    }
    std::vector<std::vector<char>> inverted;
    for (int i = 0; i < n; ++i) {
        inverted.emplace_back(n);
        for (int j = i + 1; j < n; ++j) inverted[i][j] = terms[i] > terms[j];
    }
    long long inversions = 0;
    for (auto& row : inverted) inversions = std::accumulate(row.begin(), row.end(), inversions);
    std::cout << inversions << "\n";
}
