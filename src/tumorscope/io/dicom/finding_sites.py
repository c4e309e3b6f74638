"""The codes of where a lesion is, for structured reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tumorscope.measurement.lesions import Lesion

if TYPE_CHECKING:
    from pydicom.sr.coding import Code

_SITES = {
    "frontal": "FrontalLobe",
    "parietal": "ParietalLobe",
    "temporal": "TemporalLobe",
    "occipital": "OccipitalLobe",
    "insula": "Insula",
    "cerebellum": "Cerebellum",
    "brainstem": "BrainStem",
    "ventricles": "BrainVentricle",
}
"""Names in context group 7153, CNS Segmentation Types, of the regions that have one."""

_UNPAIRED = ("brainstem", "ventricles")


def finding_site(lesion: Lesion) -> tuple[Code, Code | None]:
    """A lesion's region (context group 7153) and side (244): "Brain" where no atlas names a region for certain."""
    from pydicom.sr.codedict import codes
    from pydicom.sr.coding import Code

    found = lesion.location
    sides = {"left": codes.SCT.Left, "right": codes.SCT.Right, "both": Code("51440002", "SCT", "Right and left")}
    if found is None or not found.region_certain or found.region not in _SITES:
        return codes.SCT.Brain, sides.get(lesion.laterality or "")
    site = getattr(codes.cid7153, _SITES[found.region])
    return site, None if found.region in _UNPAIRED else sides.get(found.hemisphere or "")
