"""Makes the ONNX file of a network, for the peers of the benchmarks.

Usage: make.py STEPS.json OUT.onnx [max]

STEPS.json holds the number of input channels and the steps of a plan. Steps name values by numbers: 0 is the input,
n the result of step n - 1.

With max, PReLU is written as max(x, slope * x) in all layers where it is the same, which are those without a slope
above 1: on a CPU onnxruntime takes the product into its blocked layout, and its own PRelu takes 40 % of the run. It
changes nothing in onnxruntime-web.
"""
import json
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

steps_path, onnx_path, *options = sys.argv[1:]
assert options in ([], ["max"]), __doc__
with open(steps_path) as file:
    network = json.load(file)

nodes, constants = [], []


def constant(values, kind=np.float32):
    name = f"constant_{len(constants)}"
    constants.append(numpy_helper.from_array(np.asarray(values, kind), name))
    return name


def add(operator, inputs, **attributes):
    output = f"{operator}_{len(nodes)}"
    nodes.append(helper.make_node(operator, inputs, [output], **attributes))
    return output


def activated(maps, activation):
    if activation is None:
        return maps
    if activation == "Silu":
        return add("Mul", [maps, add("Sigmoid", [maps])])
    if isinstance(activation, str):
        return add(activation, [maps])
    slope = np.reshape(activation, [-1, 1, 1])
    if options and slope.max() <= 1:
        return add("Max", [maps, add("Mul", [maps, constant(slope)])])
    return add("PRelu", [maps, constant(slope)])


def convolved(step):
    weight = np.reshape(step["weight"], step["shape"])
    inputs = [values[step["input"]], constant(weight), constant(step["bias"])]
    maps = add("Conv", inputs, pads=[step["padding"]] * 4, group=step["groups"])
    maps = activated(maps, step["activation"])
    return maps if step["add"] is None else add("Add", [maps, values[step["add"]]])


def shuffled(step):
    maps, scale = values[step["input"]], step["scale"]
    if step["skip"] is not None:
        # The phases of a channel are adjacent. A single channel needs no repetition, as Add broadcasts it.
        skip = values[step["skip"]]
        if step["channels"] > 1:
            phases = np.repeat(np.arange(step["channels"]), scale**2)
            skip = add("Gather", [skip, constant(phases, np.int64)], axis=1)
        maps = add("Add", [maps, skip])
    return add("DepthToSpace", [maps], blocksize=scale, mode="CRD")


def summed(step):
    total = None
    for value, factor in step["terms"]:
        term = values[value] if factor == 1 else add("Mul", [values[value], constant(factor)])
        total = term if total is None else add("Add", [total, term])
    return add("Add", [total, constant(step["constant"])]) if step["constant"] else total


kinds = {
    "conv": convolved,
    "shuffle": shuffled,
    "activate": lambda step: activated(values[step["input"]], step["activation"]),
    "sum": summed,
    "product": lambda step: add("Mul", [values[i] for i in step["inputs"]]),
    "concat": lambda step: add("Concat", [values[i] for i in step["inputs"]], axis=1),
}
values = ["input"]
for step in network["steps"]:
    values.append(kinds[step["kind"]](step))
nodes[-1].output[0] = "output"

graph = helper.make_graph(
    nodes,
    "network",
    [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, network["channels"], "height", "width"])],
    [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, network["channels"], "tall", "wide"])],
    constants,
)
# Versions that all recent onnxruntime releases read; the package's defaults are newer.
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model, full_check=True)
onnx.save(model, onnx_path)
