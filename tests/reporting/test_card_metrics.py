import pytest

from tumorscope.reporting.card_metrics import main_metrics, missed_share

DICE = {"mean": 0.8251, "median": 0.8749, "n": 16, "q1": 0.8, "q3": 0.9, "ci95": [0.749, 0.8868]}
PRESENCE = {"sensitivity": {"value": 0.904, "ci95": [0.8, 0.9]}, "specificity": {"value": 0.978, "ci95": None}}
NOTHING = {"sensitivity": {"value": None, "ci95": None}, "specificity": {"value": None, "ci95": None}}


@pytest.mark.parametrize(
    "metrics",
    [
        {},
        {"test": {}},
        {"a": None, "b": [], "c": {"d": {"e": {"f": {"g": float("nan")}}}}},
        {"test": {"float": {"mean": None, "value": {}}}},
        {"test": {"patient_dice": {"mean": float("nan")}, "presence": NOTHING, "classes": None}},
        {"test": {"patient_dice": {"mean": "much", "ci95": 3}, "presence": {"sensitivity": [0.5]}}},
        {"test": [1, 2]},
    ],
)
def test_cards_without_these_metrics_give_no_line(metrics):
    assert main_metrics(metrics, "float") == ()
    assert missed_share(metrics, "float") == ""


def test_three_lines_are_those_of_the_test_patients_and_of_the_model_that_ran():
    def assessed(patients):
        classes = {"accuracy": {"value": 0.95, "ci95": [0.9, 1.0]}}
        return {"patients": patients, "patient_dice": DICE, "presence": PRESENCE, "classes": classes}

    metrics = {"validation": {"float": assessed(1)}, "test": {"float": assessed(2), "int8": assessed(3)}}
    assert [(row.name, row.value) for row in main_metrics(metrics, "int8")] == [
        ("Slices", "90 % of those with a tumor found, 98 % of those without one left alone; 3 test patients"),
        ("Segmentation", "Dice 0.83 on average (95 % interval 0.75 to 0.89); 3 test patients"),
        ("Type", "95 % named right; 3 test patients"),
    ]
    assert missed_share(metrics, "int8") == "10 %"


def test_of_several_data_sets_the_first_that_tells_it_counts():
    sets = {
        "typed": {"patients": 22, "presence": NOTHING, "classes": {"accuracy": {"value": 0.9}}},
        "drawn": {"patients": 1200, "patient_dice": None, "tumor_slice_dice": DICE, "presence": PRESENCE},
    }
    assert [row.value.partition("; ")[2] for row in main_metrics({"test": {"float": sets}}, "float")] == [
        "1,200 test patients of the data set drawn",
        "1,200 test patients of the data set drawn",
        "22 test patients of the data set typed",
    ]
    assert "per slice" in main_metrics({"test": {"float": sets}}, "float")[1].value
