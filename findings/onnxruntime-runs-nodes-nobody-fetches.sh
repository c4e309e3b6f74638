#!/usr/bin/env bash
# Software: onnxruntime 1.32.0, CPU provider.
# Behavior: a network with two outputs computes both although one is asked for, and also with
#   RunOptions.only_execute_path_to_fetches = True, which is documented to execute only the nodes that the fetched
#   outputs need: every node runs, as the profile shows, and the run takes as long as one for both outputs.
# Why it surprises: the option is accepted, readable and named for exactly this. A detector in front of a decoder, as in
#   "segment only where something was found", saves nothing by it, and nothing says so.
# Tumorscope: cuts the detecting part out of the network's file with onnx.utils.Extractor and loads it by itself
#   (inference/sessions.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.utils import Extractor

shape = ["n", 16]
nodes = [
    helper.make_node("Relu", ["image"], ["features"], "encoder"),
    helper.make_node("ReduceMean", ["features"], ["presence"], "detector", keepdims=0),
    helper.make_node("MatMul", ["features", "weights"], ["decoded"], "decoder"),
    helper.make_node("Sigmoid", ["decoded"], ["mask"], "activation"),
]
graph = helper.make_graph(
    nodes,
    "network",
    [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
    [
        helper.make_tensor_value_info("presence", TensorProto.FLOAT, []),
        helper.make_tensor_value_info("mask", TensorProto.FLOAT, shape),
    ],
    [helper.make_tensor("weights", TensorProto.FLOAT, (16, 16), np.eye(16, dtype=np.float32).ravel())],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
onnx.checker.check_model(model)


def executed(content: bytes, only_path: bool) -> set[str]:
    """The nodes that one run for `presence` executes."""
    options = onnxruntime.SessionOptions()
    options.enable_profiling, options.log_severity_level = True, 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    run = onnxruntime.RunOptions()
    run.only_execute_path_to_fetches = only_path
    session.run(["presence"], {"image": np.ones((1, 16), np.float32)}, run)
    events = json.loads(Path(session.end_profiling()).read_text())
    suffix = "_kernel_time"
    return {event["name"].removesuffix(suffix) for event in events if event["name"].endswith(suffix)}


plain, asked = executed(model.SerializeToString(), False), executed(model.SerializeToString(), True)
cut = executed(Extractor(model).extract_model(["image"], ["presence"]).SerializeToString(), False)
print("onnxruntime", version("onnxruntime"))
print("fetching presence alone                      ", sorted(plain))
print("the same, only_execute_path_to_fetches = True", sorted(asked))
print("presence cut out of the file                 ", sorted(cut))
everything = {"encoder", "detector", "decoder", "activation"}
if plain == asked == everything and cut == {"encoder", "detector"}:
    print("seen: the option changes nothing; nodes of the mask run although nobody fetches it")
else:
    sys.exit("changed: the option is honored now, or nodes are left out without it")
PYTHON
