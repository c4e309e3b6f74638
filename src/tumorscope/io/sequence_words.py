"""The words by which names of files and protocols speak of sequences, in English, French, German, Spanish and more.

All are in lower case and without accents; :func:`words_of` brings a text into this form.
"""

from __future__ import annotations

import re
import unicodedata


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


FLAIR = _set("flair fla eflair t2f tirm")
T1 = _set("t1 t1w t1n t1wi st1w mprage bravo spgr fspgr")
T1C = _set("t1c t1ce t1gd t1post t1wce t1wc t1km t1cw ct1 ct1w")
T2 = _set("t2 t2w t2wi st2w")

GRADIENT_ECHO = _set("ffe eg fl2d fl3d flash gradient")
"""With T2 these make a T2*."""

AGENT = _set(
    "gd gad gado gadolinium gadolinio gadobutrol gadoterate gadovist gadavist dotarem clariscan prohance magnevist "
    "multihance omniscan gbca ce contrast contraste contrasto kontrast kontrastmittel km mdc civ cte enhanced enhancement "
    "injection inj injecte injectee injected"
)
AFTER = _set("post pos apres nach dopo tras despues")
"""After contrast agent, where no event such as surgery follows."""
BEFORE = _set(
    "pre vor avant antes prima nativ native nativo nativa natif plain simple unenhanced nonenhanced precontrast"
)
"""Before contrast agent, or without it."""
NOT = _set("without wo no non ohne sans sin sem senza zonder")
"""Without contrast agent, where nothing else follows that is left out, such as fat saturation."""
LEFT_OUT = _set("fs fat fatsat sat saturation spir spair stir dixon motion gap angle fett grasa graisse")
EVENTS = _set(
    "op operation operative operatif operativ operatoire surgery surgical chirurgie chirurgia cirugia treatment therapy "
    "therapie terapia radiotherapy radiotherapie radioterapia chemo rt rtx crt biopsy biopsie biopsia resection"
)

OTHER = _set(
    "t2star t2starw star etoile swi swan gre hemo medic map maps mapping carto cartographie pd pdw dwi adc trace tracew "
    "dti bold fmri asl perfusion relcbf cbf cbv rcbv mtt tmax ttp pwi mra tof angio localizer localiser scout survey stir "
    "subtraction subtracted subtraktion soustraction sustraccion dual loc mip minip psir dir diffusion tensor b0 b1000 eadc dsc "
    "dce dynamic perf mrv venogram ciss fiesta phase pcasl spectroscopy mrs csi qsm fieldmap resolve ep2d epi "
    "defacemask"
)
"""Kinds of images that are none of the four sequences."""

_TECHNIQUE = _set(
    "ax axi axial tra trans transversal trs sag sagittal cor coronal kor 2d 3d iso se es tse fse frfse tfe ffe fl2d fl3d ir "
    "spc space cube vista fs fatsat fat sat dixon w"
)
VOCABULARY = FLAIR | T1 | T1C | T2 | AGENT | AFTER | BEFORE | NOT | OTHER | _TECHNIQUE
"""All words that speak of sequences, planes and techniques."""
_WEIGHTED = re.compile(r"t[12]|flair")
_LONGEST = 32

_GLUED = {
    first + agent: (first, agent)
    for first in AFTER | BEFORE | NOT | {"mit", "con", "avec", "with"}
    for agent in AGENT - {"ce", "inj", "cte"}
}
"""Two words written as one, such as ``postgd`` and ``noncontrast``."""

_SPELLINGS = (
    (r"t2\s*\*", " t2star "),
    (r"\+\s*(c|k|km|gd|gado|gad|ce|iv)(?![a-z0-9])", " contrast "),
    (r"(?<![a-z0-9])(c|km|gd|gado|gad)\+", " contrast "),
    (r"(?<![a-z0-9])c-(?![a-z0-9])|(?<=\s)-c(?![a-z0-9])", " nativ "),
    (r"(?<![a-z0-9])c/c(?![a-z0-9])", " contrast "),
    (r"(?<![a-z0-9])s/c(?![a-z0-9])", " nativ "),
    (r"(?<![a-z0-9])w/o", " without "),
    (r"(?<![a-z0-9])s/", " sin "),
    (r"dark[ _-]?fluid|(?<![a-z0-9])da[ _-]fl(?![a-z0-9])", " flair "),
    (r"mp[ _-]rage", " mprage "),
    # BRISC 2025 calls its images T1, and describes them as T1 with contrast.
    (r"(?<![a-z0-9])brisc2025_(train|test)_\d+_[a-z]{2}_[a-z]{2}_t1(?![a-z0-9])", " t1 contrast "),
)


def words_of(text: str, glued: bool = False) -> list[str]:
    """The words of a text in order, in lower case and without accents; known ones written as one are parted.

    Args:
        text: a name or a description.
        glued: part words also where none is a sequence, as labels of BIDS are written.

    >>> words_of("AXT1post_3D"), words_of("T1 après Gd")
    (['ax', 't1post', '3d'], ['t1', 'apres', 'gd'])
    """
    text = re.sub(r"(?<=[a-z])(?=[A-Z])(?<![^A-Za-z0-9]c)(?<!^c)", " ", text)  # eFLAIR, postGd, but not cT1
    text = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each)).lower()
    for spelling, meaning in _SPELLINGS:
        text = re.sub(spelling, meaning, text)
    words = []
    for word in re.split(r"[^a-z0-9]+", text):
        if word:
            words += _parted(word, glued)
    return words


def _parted(word: str, glued: bool) -> tuple[str, ...]:
    if word in _GLUED:
        return _GLUED[word]
    if word in VOCABULARY or len(word) > _LONGEST or not (glued or _WEIGHTED.search(word)):
        return (word,)
    return _pieces(word) or (word,)


def _pieces(word: str) -> tuple[str, ...] | None:
    """The known words that make up a word, long ones first; None where there is a rest."""
    known: dict[int, tuple[str, ...] | None] = {len(word): ()}
    for start in range(len(word) - 1, -1, -1):
        ends = (end for end in range(len(word), start, -1) if word[start:end] in VOCABULARY and known[end] is not None)
        end = next(ends, None)
        known[start] = None if end is None else (word[start:end], *(known[end] or ()))
    return known[0]
