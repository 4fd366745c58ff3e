"""training_curves.py OUT.svg TITLE=KEY=LOG.jsonl[,LOG.jsonl...] ...: curves of training runs as one picture.

A panel for each argument: the metric KEY of one run's log, or of runs that follow each other, as it was and as a mean over
a fiftieth of the panel. Needs nothing but Python.
"""

import json
import sys

WIDTH, HEIGHT, LEFT, TOP = 400, 190, 44, 26


def read(paths, key):
    points, first = [], 0
    for path in paths.split(","):
        steps = {}
        for line in open(path):
            row = json.loads(line)
            if key in row:
                steps[row["step"]] = row[key]
        points += [(first + step, value) for step, value in sorted(steps.items())]
        first += max(steps, default=0)
    return points


def smooth(points):
    half = max(1, len(points) // 100)
    out = []
    for i in range(len(points)):
        near = points[max(0, i - half) : i + half + 1]
        out.append((points[i][0], sum(v for _, v in near) / len(near)))
    return out


def panel(title, key, points, x0, y0):
    values = sorted(v for _, v in points)
    low, high = values[0], values[min(len(values) - 1, int(0.99 * len(values)))]
    last = max(points[-1][0], 1)
    span = high - low or 1

    def line(some, style):
        at = " ".join(
            f"{x0 + LEFT + (WIDTH - LEFT - 12) * s / last:.1f},"
            f"{y0 + HEIGHT - 22 - (HEIGHT - TOP - 26) * (min(v, high) - low) / span:.1f}"
            for s, v in some
        )
        return f'<polyline fill="none" {style} points="{at}"/>'

    every = max(1, len(points) // 400)
    return [
        f'<text x="{x0 + LEFT}" y="{y0 + 16}" font-weight="bold">{title}: {key}</text>',
        f'<text x="{x0 + 2}" y="{y0 + TOP + 8}">{high:.3g}</text>',
        f'<text x="{x0 + 2}" y="{y0 + HEIGHT - 22}">{low:.3g}</text>',
        f'<text x="{x0 + LEFT}" y="{y0 + HEIGHT - 6}">0</text>',
        f'<text x="{x0 + WIDTH - 12}" y="{y0 + HEIGHT - 6}" text-anchor="end">{last} steps</text>',
        line(points[::every], 'stroke="#bcd" stroke-width="1"'),
        line(smooth(points)[::every], 'stroke="#036" stroke-width="1.6"'),
    ]


def main():
    out, panels = sys.argv[1], sys.argv[2:]
    rows = (len(panels) + 1) // 2
    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {rows * HEIGHT}" font-family="sans-serif" '
        'font-size="11"><rect width="100%" height="100%" fill="white"/>'
    ]
    for i, argument in enumerate(panels):
        title, key, paths = argument.split("=")
        svg += panel(title, key, read(paths, key), i % 2 * WIDTH, i // 2 * HEIGHT)
    open(out, "w").write("\n".join(svg + ["</svg>"]) + "\n")


main()
