"""Radiomic features of a region, as the Image Biomarker Standardisation Initiative defines them."""

from tumorscope.measuring.features.extract import FeatureSettings, extract_features
from tumorscope.measuring.features.names import title_of

__all__ = ["FeatureSettings", "extract_features", "title_of"]
