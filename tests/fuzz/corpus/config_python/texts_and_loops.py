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
