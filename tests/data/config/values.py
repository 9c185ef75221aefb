# SPDX-License-Identifier: Apache-2.0
"""Every form that a value of a config file may have."""
__private = 1
ints = [0, 7, -3, +4, 1_000_000, 0xFF, 0o17, 0b101, 00, 9223372036854775807]
floats = [1e-4, .5, 5., 0.1, 1.5E+3, 1e400, -2.5e-3, 1_0.2_5, 3.141592653589793, 5e-324, 123456789012345680.0]
words = [True, False, None]
texts = ['single', "double", 'it\'s', "a\tb\\n\n", r'raw\n', u'caf\xe9 \u2713 \U0001F600 \101\0601', 'one ' "two "
         'three', '''triple
'quoted' ''', """a ""b"" c""", 'joined \
line', '\q', '', 'naïve ✓']
one = (1)
tuple_one = (1, )
empty = [(), [], {}, dict(), list(), tuple()]
bare = 1, 2, (3, 4)
a, b = 5, [6, 7]
first = second = dict(x=1)
first = dict(y=2, **first)
nested = dict(type='A', inner=dict(b=b, c={'k.with.dots': 1, 'two words': 2, 3: 'three', **second}))
plus = dict(nested, type='B')
reads = [nested['inner']['b'][-1], b[0], plus['type'], bare[2][1]]
sums = [1 + 2 * 3, (1 + 2) * 3, 2**10, 2**-1, -2**2, 7 // 2, -7 // 2, 7 % 3, -7 % 3, 7 % -3, 6 / 3, 1 / 3, 7.5 // 2, -7.5 % 2,
        2**0.5, 10 - 3 - 2, 100 / 10 / 5, 2**3**2, - -3, 1 + 1.5, 0.1 + 0.2, 3 * 0.1]
joins = ['data/' + 'coco/' + 'train', [1] + [2, 3], (1, ) + (2, ), [0, 1] * 2, 'ab' * 3, 2 * ('x', ), [] * 5, [1] * 0, [1] * -1]
formats = ['epoch_%d.pth' % 12, '%s/%s' % ('a', 'b'), '100%%' % (), '%s' % 5]
calls = [list(range(3)), list(range(2, 8, 3)), tuple(range(3, 0, -1)), len([1, 2, 3]), len(nested), sum([18, 36, 72]), sum([.5, 1]),
         list((1, 2)), tuple([1, 2]), float(3), float('-inf')]
num_stages = 3
loops = [dict(type='Head', stage=[s, num_stages]) for s in range(num_stages)]
scales = [(1333, value) for value in (480, 512)]
grid = [[x * y for x in [1, 2]] for y in [10, 20]]
none_at_all = [x / 0 for x in []]
long = dict(
    # comments and empty lines inside brackets

    a=1,
    b=[
        1,
        2,
    ],
)
total = 1 + \
    2
gone = 1
del gone
x = 1; y = 2;
width, name, share, rows = 7, 'swin', 0.25, [3, 'x', None, True, (1.5,), {'k': "it's"}]
filled = [f'{name}_{width}', f"a{{b}}{name}", f'{width + 1}{name[1:]}{rows[0]}', rf'\d{width}', F'{name!r} {name!s:}' f"{rows}" 'plain{}',
          f'{share}', f'{1e16} {1e-5} {123456789.125} {1 / 3} {1e15} {-0.0} {1e22} {5e-324}', f'{float("inf")}', f'', f'{dict(a=1)["a"]}',
          f'{ {"a": 2}["a"] }', f'''{
              width}''']
aligned = [f'{width:04d}', f'{share:.3f}', f'{share:8.2e}|', f'{width:>5}|{width:<5}|{width:^5}|', f'{name:>8}|{name:*^9}|', f'{-3:+d}{3:+}',
           f'{share:%}', f'{share:.1%}', f'{255:x}{255:X}', f'{-7:05d}', f'{1e6:g} {1234567.0:G}', f'{12345.678:10.1f}', f'{width:e}']
depths = [2, 1]
keys = {f'stages.{stage}.blocks.{block}.norm': dict(decay_mult=0.0) for stage, count in enumerate(depths) for block in range(count)}
keys.update({f'stages.{stage}.downsample.norm': 0 for stage in range(len(depths) - 1)})
crossed = [(a, b, c) for a, b in zip([1, 2], ['x', 'y', 'z']) for c in range(a)]
pairs = {k: k + '!' for k in dict(p=1, q=2)}
inner = {str(row): [x * row for x in range(row)] for row in range(3)}
numbered = list(enumerate(['a', 'b'], 1))
joined = [f'{x}' for x in [y + 1 for y in depths]]
