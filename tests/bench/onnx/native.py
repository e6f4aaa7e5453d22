"""Prints the median milliseconds of a network in onnxruntime, on the CPU.

Usage: native.py MODEL.onnx SIDE_PX THREADS WARM_UP RUNS [OUT.bin INPUT.bin]

INPUT.bin holds the picture's planes as raw float32, each SIDE_PX × SIDE_PX; OUT.bin will hold what
the network makes of them.
"""
import sys
import time

import numpy as np
import onnxruntime

model_path, side, threads, warm_up, runs = sys.argv[1], *map(int, sys.argv[2:6])
files = sys.argv[6:]

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
session = onnxruntime.InferenceSession(model_path, options, providers=["CPUExecutionProvider"])
channels = session.get_inputs()[0].shape[1]
shape = [1, channels, side, side]

if files:
    out_path, input_path = files
    x = np.fromfile(input_path, np.float32).reshape(shape)
    session.run(None, {"input": x})[0].tofile(out_path)
else:
    x = np.random.default_rng(1).random(shape, np.float32)

times = []
for _ in range(warm_up + runs):
    start = time.perf_counter()
    session.run(None, {"input": x})
    times.append(1000 * (time.perf_counter() - start))
print(np.median(times[warm_up:]))
