"""Procedural heads with lesions of known contour: tests, demonstrations, miniature data sets.

No patient is in them. Positions are RAS+ millimeters from the head's center.
"""

from tumorscope.datasets.phantom.build import Phantom, healthy_twin, make_phantom
from tumorscope.datasets.phantom.contrast import Tissue
from tumorscope.datasets.phantom.examples import demo_phantom, plausible_lesion
from tumorscope.datasets.phantom.lesions import Lesion, LesionContrast
from tumorscope.datasets.phantom.writing import write_lgg_folder, write_nifti

__all__ = [
    "Lesion",
    "LesionContrast",
    "Phantom",
    "Tissue",
    "demo_phantom",
    "healthy_twin",
    "make_phantom",
    "plausible_lesion",
    "write_lgg_folder",
    "write_nifti",
]
