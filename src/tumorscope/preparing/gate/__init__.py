"""The gate before the network: does this look like an MRI of a head at all?"""

from tumorscope.preparing.gate.model import Gate, Rate, default_gate, gate_score, is_brain_mri, scan_score

__all__ = ["Gate", "Rate", "default_gate", "gate_score", "is_brain_mri", "scan_score"]
