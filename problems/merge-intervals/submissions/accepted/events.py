class Solution:
    def merge_intervals(self, intervals: list[list[int]]) -> list[list[int]]:
        events = [(start, 0) for start, _ in intervals] + [(end, 1) for _, end in intervals]
        merged = []
        depth = 0
        for point, closes in sorted(events):
            if not closes:
                if depth == 0:
                    begin = point
                depth += 1
            else:
                depth -= 1
                if depth == 0:
                    merged.append((begin, point))
        return merged
