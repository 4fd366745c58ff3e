"""deeppcb_tiles.py DEEPPCB OUT: quarters of DeepPCB's test images, each beside the same quarter of its template, as pictures
and a list for `gad bench run --items OUT/tiles.jsonl`. A quarter that touches no marked defect is a good part seen a second
time, which the set itself does not have: its only normal images are the templates. Boxes cut by a border are kept when half
of them is inside; a quarter that only holds smaller pieces of boxes is left out. Needs Pillow (requirements.txt)."""
import json
import os
import sys

from PIL import Image

source, out = sys.argv[1], os.path.abspath(sys.argv[2])
os.makedirs(out, exist_ok=True)


def cut(name, corner, side, to):
    left, top = corner
    Image.open(os.path.join(source, name)).crop((left, top, left + side, top + side)).save(to)
    return to


tiles, normal = 0, 0
with open(os.path.join(out, "tiles.jsonl"), "w", encoding="utf-8") as items:
    for line in open(os.path.join(source, "annotations.jsonl"), encoding="utf-8"):
        sample = json.loads(line)
        if sample["split"] != "test" or not sample["reference"]:
            continue
        side = sample["width"] // 2
        for quarter in range(4):
            left, top = quarter % 2 * side, quarter // 2 * side
            boxes, labels, touched = [], [], 0
            for box, label in zip(sample["boxes"], sample["box_types"]):
                x1, y1 = max(box[0] - left, 0), max(box[1] - top, 0)
                x2, y2 = min(box[2] - left, side), min(box[3] - top, side)
                if x1 >= x2 or y1 >= y2:
                    continue
                touched += 1
                if 2 * (x2 - x1) * (y2 - y1) >= (box[2] - box[0]) * (box[3] - box[1]):
                    boxes.append([x1, y1, x2, y2])
                    labels.append(label)
            if touched and not boxes:
                continue
            tiles, normal = tiles + 1, normal + (not touched)
            name = f"{os.path.splitext(os.path.basename(sample['image']))[0]}_{quarter}"
            item = {"id": name, "dataset": "deeppcb_tiles", "category": "board", "title": "circuit board",
                    "anomalous": bool(touched), "type": "+".join(sorted(set(labels))), "group": "test",
                    "image": cut(sample["image"], (left, top), side, os.path.join(out, name + ".png")),
                    "width": side, "height": side, "boxes_known": True, "boxes": boxes, "labels": labels,
                    "references": [cut(sample["reference"], (left, top), side, os.path.join(out, name + "_good.png"))]}
            items.write(json.dumps(item) + "\n")
print(f"{tiles} quarters, {normal} without a defect")
