// Compresses the places and keeps a segment tree: outer colours and number of stripes of every range.
#include <algorithm>
#include <iostream>
#include <vector>

struct Range {
    int left = 0, right = 0, stripes = 1;
};

Range join(const Range& a, const Range& b) {
    return {a.left, b.right, a.stripes + b.stripes - (a.right == b.left)};
}

struct Tree {
    std::vector<Range> ranges;
    std::vector<int> pending;  // the colour of the whole range that its halves do not know yet, or -1

    explicit Tree(int size) : ranges(4 * size), pending(4 * size, -1) {}

    void cover(int node, int colour) {
        ranges[node] = {colour, colour, 1};
        pending[node] = colour;
    }

    void push(int node) {
        if (pending[node] < 0) return;
        cover(2 * node, pending[node]);
        cover(2 * node + 1, pending[node]);
        pending[node] = -1;
    }

    void paint(int node, int begin, int end, int from, int to, int colour) {
        if (to <= begin || end <= from) return;
        if (from <= begin && end <= to) return cover(node, colour);
        push(node);
        int middle = (begin + end) / 2;
        paint(2 * node, begin, middle, from, to, colour);
        paint(2 * node + 1, middle, end, from, to, colour);
        ranges[node] = join(ranges[2 * node], ranges[2 * node + 1]);
    }

    Range look(int node, int begin, int end, int from, int to) {
        if (from <= begin && end <= to) return ranges[node];
        push(node);
        int middle = (begin + end) / 2;
        if (to <= middle) return look(2 * node, begin, middle, from, to);
        if (middle <= from) return look(2 * node + 1, middle, end, from, to);
        return join(look(2 * node, begin, middle, from, to), look(2 * node + 1, middle, end, from, to));
    }
};

struct Event {
    char kind;
    int left, right, colour = 0;
};

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int n, q;
    std::cin >> n >> q;
    std::vector<Event> events(q);
    std::vector<int> places = {1, n + 1};
    for (Event& event : events) {
        std::cin >> event.kind >> event.left >> event.right;
        if (event.kind == 'p') std::cin >> event.colour;
        places.push_back(event.left);
        places.push_back(++event.right);
    }
    std::ranges::sort(places);
    places.erase(std::unique(places.begin(), places.end()), places.end());
    int cells = static_cast<int>(places.size()) - 1;
    Tree tree(cells);
    // All boards have the colour 0 at the start, so all ranges are one stripe already.
    for (const Event& event : events) {
        int from = std::ranges::lower_bound(places, event.left) - places.begin();
        int to = std::ranges::lower_bound(places, event.right) - places.begin();
        if (event.kind == 'p') {
            tree.paint(1, 0, cells, from, to, event.colour);
        } else {
            std::cout << tree.look(1, 0, cells, from, to).stripes << "\n";
        }
    }
}
