a = [dict(b=[x, [y for y in [x]]]) for x in range(3)]
