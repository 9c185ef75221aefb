# SPDX-License-Identifier: Apache-2.0
"""Pictures a second of an ONNX model under OpenVINO, one at a time and several at a time.

    openvino_throughput.py MODEL.onnx [THREADS [SECONDS]]

In latency mode one request runs on all threads; in throughput mode there are as many streams as OpenVINO chooses for
its hint, and a request for each. Float32 in both. Inputs are random; the first dimension is the batch."""
import resource
import sys
import time

import numpy as np
import openvino as ov

path, threads, seconds = sys.argv[1], int((sys.argv[2:] or [2])[0]), float((sys.argv[3:] or [5])[0])
core = ov.Core()
model = core.read_model(path)
shape = model.inputs[0].shape
image = np.random.default_rng(0).standard_normal(list(shape)).astype('f4')


def compiled(hint):
    return core.compile_model(model, 'CPU', {'INFERENCE_NUM_THREADS': threads, 'PERFORMANCE_HINT': hint,
                                             'INFERENCE_PRECISION_HINT': 'f32'})


def rate(network, requests):
    queue = ov.AsyncInferQueue(network, requests)
    for _ in range(2 * requests):
        queue.start_async({0: image})
    queue.wait_all()
    n, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        for _ in range(requests):
            queue.start_async({0: image})
            n += 1
    queue.wait_all()
    return n * shape[0] / (time.perf_counter() - start)


latency = rate(compiled('LATENCY'), 1)
network = compiled('THROUGHPUT')
streams = network.get_property('NUM_STREAMS')
throughput = rate(network, network.get_property('OPTIMAL_NUMBER_OF_INFER_REQUESTS'))
print(f'openvino {ov.__version__.split("-")[0]} batch={shape[0]} threads={threads} one at a time: {latency:.1f} images/s; '
      f'{streams} streams: {throughput:.1f} images/s; '
      f'peak_rss_mb={resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}')
