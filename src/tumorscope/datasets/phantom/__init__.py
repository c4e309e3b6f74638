"""Procedural heads with lesions of known contour: tests, demonstrations, miniature data sets.

No patient is in them. Positions are RAS+ millimeters from the head's center.
"""

from tumorscope.datasets.phantom.build import Phantom, healthy_twin, make_phantom
from tumorscope.datasets.phantom.collections import example_data, write_phantom_figshare, write_phantom_lgg
from tumorscope.datasets.phantom.contrast import Tissue
from tumorscope.datasets.phantom.examples import demo_phantom, plausible_lesion
from tumorscope.datasets.phantom.lesion_shapes import Lesion, LesionContrast
from tumorscope.datasets.phantom.writing import write_lgg_folder, write_nifti

__all__ = [
    "Lesion",
    "LesionContrast",
    "Phantom",
    "Tissue",
    "demo_phantom",
    "example_data",
    "healthy_twin",
    "make_phantom",
    "plausible_lesion",
    "write_lgg_folder",
    "write_nifti",
    "write_phantom_figshare",
    "write_phantom_lgg",
]
