# SPDX-License-Identifier: Apache-2.0

a = 1
b = dict(
    c=2)
d = """x
y"""
