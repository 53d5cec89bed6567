// Keeps the colour of every single board.
#include <algorithm>
#include <iostream>
#include <vector>

int main() {
    int n, q;
    std::cin >> n >> q;
    std::vector<int> colours(n + 1);
    while (q--) {
        char kind;
        int left, right, colour;
        std::cin >> kind >> left >> right;
        if (kind == 'p') {
            std::cin >> colour;
            std::fill(colours.begin() + left, colours.begin() + right + 1, colour);
        } else {
            int stripes = 1;
            for (int i = left + 1; i <= right; ++i) stripes += colours[i] != colours[i - 1];
            std::cout << stripes << "\n";
        }
    }
}
