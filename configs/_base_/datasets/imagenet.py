# SPDX-License-Identifier: Apache-2.0
# ImageNet of 128 pictures in a step, and with the pipelines that any classifier without its own has: those of timm.
data = dict(samples_per_gpu=128, workers_per_gpu=2)
