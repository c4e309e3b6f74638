"""From a scan's voxels to what a network sees. The same code serves training and use."""

from tumorscope.preparing.pipeline import Preparation, Prepared, prepare, with_neighbours

__all__ = ["Preparation", "Prepared", "prepare", "with_neighbours"]
