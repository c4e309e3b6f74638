"""Where an answer comes from."""

from tumorscope.explaining.maps import ActivationMap, activation_map, why_no_map

__all__ = ["ActivationMap", "activation_map", "why_no_map"]
