import pytest

from tumorscope.reporting.card_metrics import performance

INTERVAL = {"mean": 0.8251, "median": 0.8749, "n": 16, "q1": 0.8, "q3": 0.9, "ci95": [0.749, 0.8868]}


@pytest.mark.parametrize(
    "metrics",
    [
        {},
        {"test": {}},
        {"a": None, "b": [], "c": {"d": {"e": {"f": {"g": float("nan")}}}}},
        {"folds": [{"dice": 0.1}, {"dice": 0.2}], "matrix": [[1, 2], [3, 4]]},
        {"many": {str(number): number for number in range(1000)} | {"deep": {"x": {"y": 1}}}},
        {"long": "x" * 10_000, "yes": True},
        {"test": {"float": {"mean": None, "value": {}}}},
        {"test": {"d": {"value": "x", "ci95": 3}}},
    ],
)
def test_metrics_of_any_structure_can_be_shown(metrics):
    found = performance(metrics, "float")
    assert found is None or 0 < len(found.rows) <= 25
    assert found is None or all(len(row.value) <= 20_000 for row in found.rows)


def test_lists_of_results_are_numbered():
    found = performance({"test": {"folds": [{"dice": 0.5}, {"dice": 0.25}]}}, "float")
    assert found is not None
    assert [(row.name, row.value) for row in found.rows] == [("folds › 1", "Dice 0.5"), ("folds › 2", "Dice 0.25")]


def test_performance_is_that_of_the_test_patients_and_of_the_model_that_ran():
    def assessed(patients):
        return {"patients": patients, "patient_dice": INTERVAL, "policy": "a long story", "confusion": [[1, 2], [3, 4]]}

    metrics = {"validation": {"float": assessed(1)}, "test": {"float": assessed(2), "int8": assessed(3)}}
    found = performance(metrics, "int8")
    assert found is not None
    assert found.name == "test"
    assert [(row.name, row.value) for row in found.rows] == [
        ("patients", "3"),
        ("patient Dice", "mean 0.825 (95 % interval 0.749 to 0.887), median 0.875, n 16"),
    ]


def test_statistics_of_one_metric_are_one_row():
    found = performance({"test": {"presence": {"auroc": {"value": 0.9942, "ci95": [0.987, 0.998]}}}}, "float")
    assert found is not None
    assert [(row.name, row.value) for row in found.rows] == [
        ("presence: AUROC", "0.994 (95 % interval 0.987 to 0.998)")
    ]
