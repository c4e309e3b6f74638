"""What the tags of features mean, in the terms of the IBSI where it defines them; for plots and tables."""

from __future__ import annotations

from collections.abc import Sequence

from tumorscope.measurement.radiomics.glrlm import RUN_TAGS
from tumorscope.measurement.radiomics.glszm_gldzm import DISTANCE_TAGS, SIZE_TAGS
from tumorscope.measurement.radiomics.ngtdm_ngldm import DEPENDENCE_TAGS

_STATISTICS = {
    "var": "variance",
    "skew": "skewness",
    "kurt": "excess kurtosis",
    "min": "minimum",
    "p10": "10th percentile",
    "p90": "90th percentile",
    "max": "maximum",
    "iqr": "interquartile range",
    "mad": "mean absolute deviation",
    "rmad": "robust mean absolute deviation",
    "medad": "median absolute deviation",
    "cov": "coefficient of variation",
    "qcod": "quartile coefficient of dispersion",
    "rms": "root mean square",
    "max_grad": "maximum gradient",
    "max_grad_g": "maximum gradient gray level",
    "min_grad": "minimum gradient",
    "min_grad_g": "minimum gradient gray level",
}

_SHAPE = {
    "volume": "volume (mesh)",
    "vol_approx": "volume (voxel counting)",
    "area_mesh": "surface area (mesh)",
    "av": "surface to volume ratio",
    "comp_1": "compactness 1",
    "comp_2": "compactness 2",
    "sph_dispr": "spherical disproportion",
    "com": "center of mass shift",
    "diam": "maximum 3D diameter",
    "pca_maj_axis": "major axis length",
    "pca_min_axis": "minor axis length",
    "pca_least_axis": "least axis length",
    "pca_elongation": "elongation",
    "pca_flatness": "flatness",
    "vol_dens_aabb": "volume density (axis-aligned bounding box)",
    "area_dens_aabb": "area density (axis-aligned bounding box)",
    "vol_dens_aee": "volume density (approximate enclosing ellipsoid)",
    "area_dens_aee": "area density (approximate enclosing ellipsoid)",
    "vol_dens_conv_hull": "volume density (convex hull)",
    "area_dens_conv_hull": "area density (convex hull)",
    "integ_int": "integrated intensity",
    "moran_i": "Moran's I index",
    "geary_c": "Geary's C measure",
}

_PAIRS = {
    "joint_max": "joint maximum",
    "joint_avg": "joint average",
    "joint_var": "joint variance",
    "joint_entr": "joint entropy",
    "diff_avg": "difference average",
    "diff_var": "difference variance",
    "diff_entr": "difference entropy",
    "sum_avg": "sum average",
    "sum_var": "sum variance",
    "sum_entr": "sum entropy",
    "energy": "angular second moment",
    "inv_diff": "inverse difference",
    "inv_diff_norm": "normalized inverse difference",
    "inv_diff_mom": "inverse difference moment",
    "inv_diff_mom_norm": "normalized inverse difference moment",
    "inv_var": "inverse variance",
    "corr": "correlation",
    "auto_corr": "autocorrelation",
    "clust_tend": "cluster tendency",
    "clust_shade": "cluster shade",
    "clust_prom": "cluster prominence",
    "info_corr1": "information correlation 1",
    "info_corr2": "information correlation 2",
}


def _counted(tags: Sequence[str], small: str, large: str, one: str, size: str, share: str) -> dict[str, str]:
    """Titles of the sixteen values of :func:`tumorscope.measurement.radiomics.counts.emphases`."""
    titles = (
        f"{small} emphasis",
        f"{large} emphasis",
        f"low gray level {one} emphasis",
        f"high gray level {one} emphasis",
        f"{small} low gray level emphasis",
        f"{small} high gray level emphasis",
        f"{large} low gray level emphasis",
        f"{large} high gray level emphasis",
        "gray level non-uniformity",
        "normalized gray level non-uniformity",
        f"{size} non-uniformity",
        f"normalized {size} non-uniformity",
        f"{share} percentage",
        "gray level variance",
        f"{size} variance",
        f"{size} entropy",
    )
    return dict(zip(tags, titles, strict=True))


_FAMILIES: dict[str, tuple[str, dict[str, str]]] = {
    "morph": ("shape", _SHAPE),
    "shape2d": ("slice shape", {}),
    "stat": ("intensity", _STATISTICS),
    "ih": ("histogram", _STATISTICS),
    "cm": ("GLCM", _PAIRS),
    "rlm": ("GLRLM", _counted(RUN_TAGS, "short runs", "long runs", "run", "run length", "run")),
    "szm": ("GLSZM", _counted(SIZE_TAGS, "small zone", "large zone", "zone", "zone size", "zone")),
    "dzm": ("GLDZM", _counted(DISTANCE_TAGS, "small distance", "large distance", "zone", "zone distance", "zone")),
    "ngt": ("NGTDM", {}),
    "ngl": (
        "NGLDM",
        {
            **_counted(
                DEPENDENCE_TAGS, "low dependence", "high dependence", "count", "dependence count", "dependence count"
            ),
            "dc_energy": "dependence count energy",
        },
    ),
    "place": (
        "place:",
        {
            "off_middle": "distance from the middle column",
            "from_center": "distance from the head's center",
            "nearest_edge": "nearest to the head's edge",
            "area_share": "share of the head's area",
        },
    ),
    "head": ("head:", {"aspect": "height to width"}),
    "ring": ("ring:", {"mean": "mean intensity", "deviation": "deviation of intensity", "step": "region brighter by"}),
}
_GATHERED = ("_2_5D_comb", "_2_5D_avg", "_2D_comb", "_2D_avg", "_3D_comb", "_3D_avg", "_2_5D", "_2D", "_3D")


def title_of(name: str) -> str:
    """A feature's family and name in words, without the aggregation of texture.

    >>> title_of("cm_joint_entr_2D_comb"), title_of("szm_sze_3D"), title_of("place_depth")
    ('GLCM joint entropy', 'GLSZM small zone emphasis', 'place: depth')
    """
    for suffix in _GATHERED:
        name = name.removesuffix(suffix)
    family, _, tag = name.partition("_")
    title, tags = _FAMILIES.get(family, (family, {}))
    return f"{title} {tags.get(tag, tag.replace('_', ' '))}"
