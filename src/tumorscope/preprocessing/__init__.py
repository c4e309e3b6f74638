"""From a scan's voxels to what a network sees. The same code serves training and use."""

from tumorscope.preprocessing.pipeline import Preparation, Prepared, prepare, stack_adjacent_slices

__all__ = ["Preparation", "Prepared", "prepare", "stack_adjacent_slices"]
