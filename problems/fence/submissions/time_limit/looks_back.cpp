// Finds the colour of every single board by the latest stroke over it.
#include <iostream>
#include <vector>

struct Stroke {
    int left, right, colour;
};

int main() {
    int n, q;
    std::cin >> n >> q;
    std::vector<Stroke> strokes = {{1, n, 0}};
    while (q--) {
        char kind;
        int left, right, colour;
        std::cin >> kind >> left >> right;
        if (kind == 'p') {
            std::cin >> colour;
            strokes.push_back({left, right, colour});
            continue;
        }
        int stripes = 0, before = -1;
        for (int board = left; board <= right; ++board) {
            int i = static_cast<int>(strokes.size()) - 1;
            while (board < strokes[i].left || strokes[i].right < board) --i;
            stripes += strokes[i].colour != before;
            before = strokes[i].colour;
        }
        std::cout << stripes << "\n";
    }
}
