"""Radiomic features of a region, as the Image Biomarker Standardization Initiative defines them."""

from tumorscope.measurement.radiomics.extract import FeatureSettings, extract_features
from tumorscope.measurement.radiomics.feature_names import title_of

__all__ = ["FeatureSettings", "extract_features", "title_of"]
