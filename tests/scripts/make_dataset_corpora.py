# SPDX-License-Identifier: Apache-2.0
"""Makes the fuzz corpora tests/fuzz/corpus/image and tests/fuzz/corpus/coco_annotations.

    python3 tests/scripts/make_images.py && python3 tests/scripts/make_dataset_corpora.py
"""
import json
import shutil
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
IMAGES = ("exif6.jpg", "exif5.jpg", "cmyk.jpg", "progressive.jpg", "q20.jpg", "grey.jpg", "one.jpg", "interlaced.png",
          "palette_trns.png",
          "palette4.png", "grey1.png", "grey_alpha.png", "rgba16.png", "exif8_late.png", "rgb_trns.png")


def images():
    out = TESTS / "fuzz" / "corpus" / "image"
    out.mkdir(parents=True, exist_ok=True)
    for name in IMAGES:
        shutil.copy(TESTS / "data" / "images" / name, out / name)
    whole = (out / "progressive.jpg").read_bytes()
    (out / "cut.jpg").write_bytes(whole[:len(whole) * 2 // 3])
    huge = bytearray((out / "one.jpg").read_bytes())
    at = huge.index(b"\xff\xc0") + 5
    huge[at:at + 4] = b"\xff\xdc\xff\xdc"  # 65500 x 65500 pixels
    (out / "huge.jpg").write_bytes(huge)


def annotations():
    out = TESTS / "fuzz" / "corpus" / "coco_annotations"
    out.mkdir(parents=True, exist_ok=True)
    image = dict(id=1, file_name="a.jpg", height=4, width=5, license=3)
    categories = [dict(id=1, name="a", supercategory="x"), dict(id=2, name="b")]
    box = dict(id=1, image_id=1, category_id=2, bbox=[0, 1.5, 2, 2], area=4.0, iscrowd=0,
               segmentation=[[0, 1, 2, 1, 2, 3]])
    rle = dict(box, id=2, iscrowd=1, segmentation=dict(size=[4, 5], counts=[0, 3, 17]))
    cases = {
        "whole": dict(info={}, images=[image, dict(image, id=2)], annotations=[box, rle, dict(box, id=3, image_id=9)],
                      categories=categories),
        "person": dict(images=[image], annotations=[box], categories=[dict(id=1, name="person")]),
        "empty": dict(images=[], annotations=[], categories=[]),
        "twice": dict(images=[image, image], annotations=[], categories=categories),
        "wrong_types": dict(images=[dict(id="1", file_name=3)], annotations={}, categories=None),
        "large_numbers": dict(images=[dict(image, id=2**63 - 1, height=2**31)],
                              annotations=[dict(box, bbox=[1e308, -1e308, 1e309, 0])], categories=categories),
    }
    for name, content in cases.items():
        (out / f"{name}.json").write_text(json.dumps(content))
    (out / "cut.json").write_text(json.dumps(cases["whole"])[:150])


if __name__ == "__main__":
    images()
    annotations()
