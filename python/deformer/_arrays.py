# SPDX-License-Identifier: Apache-2.0
"""Memory of the library as numpy arrays."""
import numpy as np


def array_of(memory, dtype):
    """An array over the memory, which it keeps."""
    return np.frombuffer(memory, dtype) if memoryview(memory).nbytes else np.empty(0, dtype)
