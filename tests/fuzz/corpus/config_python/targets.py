a = b = (1, 2)
c, d = a
del a, b
e = r"x" """y
z""" % 3
