"""Runs a model file in spandrel, with the arguments of native.py.

Usage: spandrel.py MODEL.safetensors SIDE_PX THREADS WARM_UP RUNS OUT.bin INPUT.bin
"""
import sys

# The folder of this script would hide the package.
sys.path.pop(0)

import numpy as np
import torch
from spandrel import ModelLoader

model_path, side, threads, out_path, input_path = *sys.argv[1:4], *sys.argv[6:]
torch.set_num_threads(int(threads))
model = ModelLoader().load_from_file(model_path).model.eval()
x = np.fromfile(input_path, np.float32).reshape([1, 3, int(side), int(side)])
with torch.no_grad():
    model(torch.from_numpy(x)).numpy().tofile(out_path)
