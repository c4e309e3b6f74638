"""Images of the four-class Kaggle set that are CT, not MRI, found by eye among its MRI.

They are the only real CT heads here: the input check is not fitted on them as MRI, and is evaluated on them.
"""

from __future__ import annotations

_CT = {
    "Testing/meningioma/Te-me": "0015 0032 0093 0105",
    "Testing/meningioma/Te-meTr": "0009",
    "Testing/notumor/Te-no": "0010 0011 0012 0034 0036 0040 0042 0043 0044 0048 0051 0052 0053 0055 0056 0057 0058 0059 0061 0063 0068 0086 0087 0092 0096",
    "Testing/notumor/Te-noTr": "0000 0009",
    "Training/meningioma/Tr-me": "0182 0212 0270 0282 0364",
    "Training/notumor/Tr-no": "0041 0054 0055 0056 0057 0080 0102 0135 0157 0168 0180 0224 0233 0246 0257 0268 0291 0302 0313 0322 0323 0324 0326 0332 0349 0350 0356 0359 0964 0966 0968 0982 0984 1039 1091 1096 1110 1122 1166 1174 1182",
}
"""Bright thick skull around a flat brain: by folder and beginning of the name, the numbers that follow."""

_UNSURE = {
    "Testing/meningioma/Te-me": "0038",
    "Testing/meningioma/Te-meTr": "0008",
    "Testing/notumor/Te-no": "0090",
    "Testing/notumor/Te-noTr": "0005",
    "Training/meningioma/Tr-me": "0217 0363",
    "Training/notumor/Tr-no": "0010 0258 0354",
}
"""CT or MRI, one cannot tell from the image; neither fitted nor evaluated."""


def _names(numbers: dict[str, str]) -> frozenset[str]:
    return frozenset(f"{start}_{number}.jpg" for start, listed in numbers.items() for number in listed.split())


CT_IMAGES = _names(_CT)
UNSURE_IMAGES = _names(_UNSURE)
