"""Classical models of tumor types on a table of features; scikit-learn, no PyTorch."""

from tumorscope.training.feature_model.train import FeatureRun, train_feature_model

__all__ = ["FeatureRun", "train_feature_model"]
