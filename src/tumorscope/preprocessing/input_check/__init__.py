"""The input check before the network: does this look like an MRI of a head at all?"""

from tumorscope.preprocessing.input_check.model import (
    InputCheck,
    Rate,
    default_input_check,
    input_check_score,
    is_brain_mri,
    scan_score,
)

__all__ = ["InputCheck", "Rate", "default_input_check", "input_check_score", "is_brain_mri", "scan_score"]
