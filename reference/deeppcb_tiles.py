"""deeppcb_tiles.py ANNOTATIONS OUT: a list for `gad bench run --items` of quarters of DeepPCB's test images, each beside the
same quarter of its template. A quarter that touches no marked defect is a good part seen a second time, which the set
itself does not have: its only normal images are the templates. Boxes cut by a border are kept when half of them is inside;
a quarter that only holds smaller pieces of boxes is left out. Reads no pixels; needs nothing but Python."""
import json
import os
import sys

folder = os.path.dirname(os.path.abspath(sys.argv[1]))
lines = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
tiles, normal = 0, 0
with open(sys.argv[2], "w", encoding="utf-8") as out:
    for sample in lines:
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
            item = {"id": f"{sample['image']}#{quarter}", "dataset": "deeppcb_tiles", "category": "board",
                    "title": "circuit board", "anomalous": bool(touched), "type": "+".join(sorted(set(labels))),
                    "group": "test", "image": os.path.join(folder, sample["image"]), "width": side, "height": side,
                    "crop": [left, top, left + side, top + side], "boxes_known": True, "boxes": boxes, "labels": labels,
                    "references": [os.path.join(folder, sample["reference"])]}
            out.write(json.dumps(item) + "\n")
print(f"{tiles} quarters, {normal} without a defect")
