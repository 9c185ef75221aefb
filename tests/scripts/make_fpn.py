# SPDX-License-Identifier: Apache-2.0
"""Fixtures of necks/fpn.c: every option of mmdet's FPN in float64 PyTorch.   python3 make_fpn.py OUT_DIR

The forward pass follows the description of the paper and of mmdet's options; each file holds the parameters by their official
names, the inputs, the outputs, and the config as JSON in its metadata.
"""
import json
import sys

import torch
import torch.nn.functional as F

from tensor_files import save

torch.manual_seed(7)
CHANNELS, SIZES = [3, 4, 6, 5], [(17, 22), (9, 11), (5, 6), (3, 3)]


def fpn(config, params, inputs):
    norm, act = config.get('norm_cfg'), config.get('act_cfg')

    def module(name, x, normed=True, **conv):
        y = F.conv2d(x, params[f'{name}.conv.weight'], params.get(f'{name}.conv.bias'), **conv)
        if norm and normed:
            key = 'gn' if norm['type'] == 'GN' else 'bn'
            w, b = params[f'{name}.{key}.weight'], params[f'{name}.{key}.bias']
            if key == 'gn':
                y = F.group_norm(y, norm['num_groups'], w, b, 1e-5)
            else:
                y = F.batch_norm(y, params[f'{name}.bn.running_mean'], params[f'{name}.bn.running_var'], w, b, False,
                                 0.1, 1e-5)
        return F.relu(y) if act else y

    start, end = config.get('start_level', 0), config.get('end_level', -1)
    end = len(inputs) if end == -1 else end
    n = end - start
    lateral = [module(f'lateral_convs.{i}', inputs[start + i], not config.get('no_norm_on_lateral')) for i in range(n)]
    up = config.get('upsample_cfg', {'mode': 'nearest'})
    for i in range(n - 1, 0, -1):
        size = {} if 'scale_factor' in up else {'size': lateral[i - 1].shape[2:]}
        lateral[i - 1] = lateral[i - 1] + F.interpolate(lateral[i], **size, **up)
    out = [module(f'fpn_convs.{i}', lateral[i], padding=1) for i in range(n)]
    extra = config.get('add_extra_convs', False)
    if extra is True:
        extra = 'on_input' if config.get('extra_convs_on_inputs', True) else 'on_output'
    for i in range(n, config['num_outs']):
        if not extra:
            out.append(F.max_pool2d(out[-1], 1, stride=2))
            continue
        source = out[-1]
        if i == n:
            source = {'on_input': inputs[end - 1], 'on_lateral': lateral[-1], 'on_output': out[-1]}[extra]
        elif config.get('relu_before_extra_convs'):
            source = F.relu(source)
        out.append(module(f'fpn_convs.{i}', source, stride=2, padding=1))
    return out


def parameters(config):
    params, norm, C = {}, config.get('norm_cfg'), config['out_channels']
    start, end = config.get('start_level', 0), config.get('end_level', -1)
    end = len(CHANNELS) if end == -1 else end
    n, extra = end - start, config.get('add_extra_convs', False)
    on_input = extra == 'on_input' or (extra is True and config.get('extra_convs_on_inputs', True))

    def module(name, i, k, normed=True):
        params[f'{name}.conv.weight'] = torch.randn(C, i, k, k, dtype=torch.float64) * (i * k * k) ** -0.5
        if not (norm and normed):
            params[f'{name}.conv.bias'] = torch.randn(C, dtype=torch.float64)
            return
        key = 'gn' if norm['type'] == 'GN' else 'bn'
        params[f'{name}.{key}.weight'] = torch.rand(C, dtype=torch.float64) + 0.5
        params[f'{name}.{key}.bias'] = torch.randn(C, dtype=torch.float64)
        if key == 'bn':
            params[f'{name}.bn.running_mean'] = torch.randn(C, dtype=torch.float64)
            params[f'{name}.bn.running_var'] = torch.rand(C, dtype=torch.float64) + 0.5

    for i in range(n):
        module(f'lateral_convs.{i}', CHANNELS[start + i], 1, not config.get('no_norm_on_lateral'))
        module(f'fpn_convs.{i}', C, 3)
    for i in range(n, config['num_outs'] if extra else n):
        module(f'fpn_convs.{i}', CHANNELS[end - 1] if i == n and on_input else C, 3)
    return {k: v.float().double() for k, v in params.items()}


CASES = {
    'none': dict(num_outs=5),
    'end_level': dict(start_level=1, end_level=3, num_outs=2),
    'on_input': dict(start_level=1, num_outs=5, add_extra_convs='on_input', relu_before_extra_convs=True),
    'on_lateral': dict(start_level=1, num_outs=5, add_extra_convs='on_lateral'),
    'on_output': dict(num_outs=6, add_extra_convs='on_output', relu_before_extra_convs=True),
    'true': dict(num_outs=5, add_extra_convs=True),
    'true_on_output': dict(num_outs=5, add_extra_convs=True, extra_convs_on_inputs=False),
    'bn': dict(num_outs=5, norm_cfg=dict(type='BN', requires_grad=True), act_cfg=dict(type='ReLU')),
    'gn_lateral': dict(num_outs=5, add_extra_convs='on_input', norm_cfg=dict(type='GN', num_groups=2),
                       no_norm_on_lateral=True),
    'bilinear': dict(num_outs=4, upsample_cfg=dict(mode='bilinear', align_corners=False)),
    'bilinear_align': dict(num_outs=4, upsample_cfg=dict(mode='bilinear', align_corners=True)),
    'scale_factor': dict(num_outs=4, upsample_cfg=dict(mode='nearest', scale_factor=2)),
}
for name, case in CASES.items():
    config = dict(type='FPN', in_channels=CHANNELS, out_channels=4, **case)
    sizes = [(24, 32), (12, 16), (6, 8), (3, 4)] if name == 'scale_factor' else SIZES
    inputs = [torch.randn(2, c, *s).double() for c, s in zip(CHANNELS, sizes)]
    params = parameters(config)
    outputs = fpn(config, params, inputs)
    tensors = {f'input.{i}': t for i, t in enumerate(inputs)}
    tensors.update({f'output.{i}': t for i, t in enumerate(outputs)})
    tensors.update(params)
    save(f'{sys.argv[1]}/fpn_{name}.safetensors', tensors, {'config': json.dumps(config)}, 'float32')
