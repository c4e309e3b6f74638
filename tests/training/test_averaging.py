import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tumorscope.core.errors import BadBundle
from tumorscope.training.averaging import average_weights


def network(weight: float, shape: tuple[int, ...] = (2, 3)) -> onnx.ModelProto:
    weights = numpy_helper.from_array(np.full(shape, weight, np.float32), "weights")
    axes = numpy_helper.from_array(np.array([1], np.int64), "axes")
    nodes = [helper.make_node("MatMul", ["x", "weights"], ["y"]), helper.make_node("Unsqueeze", ["y", "axes"], ["z"])]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", shape[0]])
    z = helper.make_tensor_value_info("z", TensorProto.FLOAT, None)
    return helper.make_model(helper.make_graph(nodes, "g", [x], [z], [weights, axes]))


def test_weights_become_the_mean_of_both_and_shapes_stay(tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(network(1), path)
    average_weights(path, network(4).SerializeToString())
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    np.testing.assert_array_equal(values["weights"], np.full((2, 3), 2.5, np.float32))
    np.testing.assert_array_equal(values["axes"], [1])


def test_another_network_is_refused_and_nothing_is_changed(tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(network(1), path)
    before = path.read_bytes()
    with pytest.raises(BadBundle, match="another network's"):
        average_weights(path, network(4, (3, 3)).SerializeToString())
    assert path.read_bytes() == before


def test_a_constant_that_the_exporter_names_anew_is_no_weight(tmp_path):
    def with_constant(weight: float, name: str) -> onnx.ModelProto:
        model = network(weight)
        model.graph.initializer.append(numpy_helper.from_array(np.array(0.5, np.float32), name))
        return model

    path = tmp_path / "model.onnx"
    onnx.save(with_constant(1, "val_7"), path)
    average_weights(path, with_constant(3, "val_9").SerializeToString())
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    np.testing.assert_array_equal(values["weights"], np.full((2, 3), 2, np.float32))
    assert values["val_7"] == 0.5
