"""Makes the ONNX file of a plain network, for the peers of the benchmark in the browser.

Usage: make.py WEIGHTS.json OUT.onnx [max]

With max, PReLU is written as max(x, slope · x) in all layers where it is the same, which are those
without a slope above 1: on a CPU onnxruntime takes the product into its blocked layout, and its own
PRelu takes 40 % of the run. It changes nothing in onnxruntime-web.
"""
import json
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

weights_path, onnx_path, *options = sys.argv[1:]
assert options in ([], ["max"]), __doc__
with open(weights_path) as file:
    network = json.load(file)
scale, channels, layers = network["scale"], network["channels"], network["layers"]
assert network["skip"] == "nearest", f"skip is {network['skip']}, but only nearest is known here"

nodes, constants = [], []


def constant(values, kind=np.float32):
    name = f"constant_{len(constants)}"
    constants.append(numpy_helper.from_array(np.asarray(values, kind), name))
    return name


def add(operator, inputs, output=None, **attributes):
    output = output or f"{operator}_{len(nodes)}"
    nodes.append(helper.make_node(operator, inputs, [output], **attributes))
    return output


maps = "input"
for i, layer in enumerate(layers):
    if network["long_skip"] and i == len(layers) - 1:
        maps = add("Add", [maps, first])
    shape = layer["weight"]["shape"]
    weight = np.reshape(layer["weight"]["data"], shape)
    pads = [shape[2] // 2, shape[3] // 2] * 2
    maps = add("Conv", [maps, constant(weight), constant(layer["bias"])], pads=pads)
    if layer["slope"] is not None:
        slope = np.reshape(layer["slope"], [-1, 1, 1])
        if options and slope.max() <= 1:
            maps = add("Max", [maps, add("Mul", [maps, constant(slope)])])
        else:
            maps = add("PRelu", [maps, constant(slope)])
    if i == 0:
        first = maps

# A channel's phases lie next to each other; a single channel is repeated by the addition itself.
skip = "input"
if channels > 1:
    phases = np.repeat(np.arange(channels), scale**2)
    skip = add("Gather", [skip, constant(phases, np.int64)], axis=1)
maps = add("Add", [maps, skip])
add("DepthToSpace", [maps], "output", blocksize=scale, mode="CRD")

graph = helper.make_graph(
    nodes,
    "plain",
    [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, channels, "height", "width"])],
    [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, channels, "tall", "wide"])],
    constants,
)
# Versions that every onnxruntime of these years reads; the package's own are ahead of it.
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model, full_check=True)
onnx.save(model, onnx_path)
