#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/core/json_numbers.json: [literal, the double's bits in hex, the integer or null] as Python's json reads them."""
import json, os, random, struct
random.seed(5)
literals = """0 -0 1 -1 12 0.0 -0.0 0.1 1.0 1e3 -2.50 1E+2 1e-2 0.5e1 9007199254740991 9007199254740992 9007199254740993 9007199254740993.0
9223372036854775807 -9223372036854775808 9223372036854775808 -9223372036854775809 18446744073709551615 18446744073709551616
123456789012345678901234567890 1e22 1e23 -1e23 8.5e22 5e-324 4.9406564584124654e-324 2.4703282292062327e-324 2.4703282292062328e-324
2.2250738585072011e-308 2.2250738585072014e-308 1.7976931348623157e308 1.7976931348623159e308 1e400 -1e400 1e-400 0e99999999999 0.000e-5
0.3 0.30000000000000004 0.1000000000000000055511151231257827 0.1000000000000000055511151231257827021181583404541015625
9214843084008499.0 0.500000000000000166533453693773481063544750213623046875 3.518437208883201171875e13 8888888888888888888
9999999999999999999 9.999999999999999999 99999999999999999.99 0.00000000000000000000000000012345678901234567 1000000000000000000000e-20
6929495644600919.5 6929495644600920.5 0.000000000000000000000000000000000000001 1.00000000000000000000000 00""".split()[:-1]
literals += [repr(random.random()) for _ in range(200)] + [repr(random.uniform(0, 1333)) for _ in range(200)]
literals += [repr(struct.unpack("<d", struct.pack("<Q",
                                                  random.getrandbits(64) & ~(0x7ff << 52) | random.randrange(2046) << 52))[0]) for _ in range(200)]
literals += ["%d.%se-%d" % (random.randrange(10), str(random.getrandbits(60)).zfill(18), random.randrange(12))
             for _ in range(100)]
literals += [str(random.getrandbits(random.randrange(1, 70)))
             for _ in range(50)] + [repr(random.random() * 10.0 ** -random.randrange(30)) for _ in range(100)]
rows = []
for text in literals:
    value = json.loads(text)
    try:
        bits = struct.pack(">d", float(value)).hex()
    except OverflowError:
        continue
    whole = value == value and abs(value) != float("inf") and value == int(value) and -2**63 <= int(value) < 2**63
    rows.append('[%s, "%s", %s]' % (text, bits, int(value) if whole else "null"))
here = os.path.dirname(os.path.abspath(__file__))
path = os.path.join(here, "..", "data", "core", "json_numbers.json")
os.makedirs(os.path.dirname(path), exist_ok=True)
with open(path, "w") as out:
    out.write("[" + ",\n ".join(rows) + "]\n")
