"""Writes PReLU as max(x, slope * x) wherever it is the same, which is for slopes of at most 1.

Usage: prelu_as_max.py MODEL.onnx, which is changed in place.

On a CPU, onnxruntime takes the product into its blocked layout, and its own PRelu takes 40 % of the run. It changes
nothing in onnxruntime-web.
"""
import sys

import onnx
from onnx import helper, numpy_helper

(path,) = sys.argv[1:]
model = onnx.load(path)
values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
nodes = []
for node in model.graph.node:
    if node.op_type == "PRelu" and values[node.input[1]].max() <= 1:
        scaled = f"{node.output[0]}/scaled"
        nodes.append(helper.make_node("Mul", list(node.input), [scaled]))
        nodes.append(helper.make_node("Max", [node.input[0], scaled], list(node.output)))
    else:
        nodes.append(node)
del model.graph.node[:]
model.graph.node.extend(nodes)
onnx.checker.check_model(model, full_check=True)
onnx.save(model, path)
