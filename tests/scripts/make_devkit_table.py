# SPDX-License-Identifier: Apache-2.0
"""Prints the table of datasets/imagenet_ids.c: for each ILSVRC2012_ID the place of its synset among the sorted ones.

    python3 tests/scripts/make_devkit_table.py map_clsloc.txt         of the devkit of ILSVRC 2014 to 2017
    python3 tests/scripts/make_devkit_table.py meta.mat               of the devkit of 2012; needs scipy
"""
import sys


def synsets(path):
    """The synsets in the order of their ids."""
    if path.endswith(".mat"):
        import scipy.io
        rows = scipy.io.loadmat(path, squeeze_me=True)["synsets"]
        pairs = [(int(row[0]), str(row[1])) for row in rows if int(row[0]) <= 1000]
    else:
        pairs = [(int(line.split()[1]), line.split()[0]) for line in open(path, encoding="utf-8") if line.strip()]
    assert sorted(i for i, _ in pairs) == list(range(1, 1001))
    return [name for _, name in sorted(pairs)]


def main():
    names = synsets(sys.argv[1])
    place = {name: i for i, name in enumerate(sorted(names))}
    for start in range(0, 1000, 20):
        print("    " + ", ".join(f"{place[name]:3d}" for name in names[start:start + 20]) + ",")


if __name__ == "__main__":
    main()
