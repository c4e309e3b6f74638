"""What eight bits keep of a network's activations, on networks of a few channels."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("torch")

from onnx import TensorProto, helper, numpy_helper

from tumorscope.training.onnx_files import quantize


def network(path, scales):
    """Two 1×1 convolutions: the image in eight channels of some scales, and each channel at its first scale again."""
    first = np.array(scales, np.float32).reshape(8, 1, 1, 1)
    second = np.diag(1 / np.array(scales, np.float32)).reshape(8, 8, 1, 1)
    weights = [numpy_helper.from_array(value, name) for value, name in ((first, "w1"), (second, "w2"))]
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["spread"], name="first"),
        helper.make_node("Relu", ["spread"], ["positive"], name="relu"),
        helper.make_node("Conv", ["positive", "w2"], ["mask"], name="second"),
    ]
    shapes = {"image": ["n", 1, 16, 16], "mask": ["n", 8, 16, 16]}
    tensors = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()}
    graph = helper.make_graph(nodes, "g", [tensors["image"]], [tensors["mask"]], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


def outputs(path, images):
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return session.run(None, {"image": images})[0]


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(0, 1, (8, 1, 16, 16)).astype(np.float32)


def largest_error(folder, images, scales, *, convolutions_only):
    path = network(folder / "float.onnx", scales)
    quantize(path, images, folder / "int8.onnx", "MinMax", convolutions_only=convolutions_only)
    return float(np.abs(outputs(folder / "int8.onnx", images) - outputs(path, images)).max())


def test_convolutions_beside_activations_of_unlike_channels_stay_in_float(tmp_path, images):
    """Seven channels hold values to 0.01 and one to 4: a step of 4/255 leaves nothing of the seven."""
    unlike = [4.0] + [0.01] * 7
    assert largest_error(tmp_path, images, unlike, convolutions_only=False) > 0.5
    assert largest_error(tmp_path, images, unlike, convolutions_only=True) == 0


def test_other_convolutions_are_quantized(tmp_path, images):
    error = largest_error(tmp_path, images, [1.0] * 8, convolutions_only=True)
    assert 0 < error < 0.02
    kinds = {node.op_type for node in onnx.load(tmp_path / "int8.onnx").graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds
