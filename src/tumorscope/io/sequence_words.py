"""The words by which names of files and protocols speak of sequences, in English, French, German, Spanish and more.

All are in lower case and without accents; :func:`words_of` brings a text into this form.
"""

from __future__ import annotations

import re
import unicodedata


def word_set(words: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(words.split())


FLAIR = word_set("flair fla eflair t2f tirm")
T1 = word_set("t1 t1w t1n t1wi st1w mprage memprage bravo spgr fspgr")
T1C = word_set("t1c t1ce t1gd t1post t1wce t1wc t1km t1wks t1cw ct1 ct1w")
T2 = word_set("t2 t2w t2wi st2w")

GRADIENT_ECHO = word_set("ffe eg fl2d fl3d flash gradient")
"""With T2 these make a T2*."""

AGENT = word_set(
    "gd gad gado gadolinium gadolinio gadobutrol gadoterate gadovist gadavist dotarem clariscan prohance magnevist "
    "multihance omniscan gbca ce contrast contraste contrasto kontrast kontrastmittel km mdc civ cte enhanced enhancement "
    "injection inj injecte injectee injected"
)
AFTER = word_set("post pos apres nach dopo tras despues")
"""After contrast agent, where no event such as surgery follows."""
BEFORE = word_set(
    "pre vor avant antes prima nativ native nativo nativa natif plain simple unenhanced nonenhanced precontrast"
)
"""Before contrast agent, or without it."""
NOT = word_set("without wo no non ohne sans sin sem senza zonder")
"""Without contrast agent, where nothing else follows that is left out, such as fat saturation."""
LEFT_OUT = word_set("fs fat fatsat sat saturation spir spair stir dixon motion gap angle fett grasa graisse")
EVENTS = word_set(
    "op operation operative operatif operativ operatoire surgery surgical chirurgie chirurgia cirugia treatment therapy "
    "therapie terapia radiotherapy radiotherapie radioterapia chemo rt rtx crt biopsy biopsie biopsia resection"
)

OTHER = word_set(
    "t2star t2starw star etoile swi swan gre hemo medic map maps mapping carto cartographie pd pdw dwi adc trace tracew "
    "dti bold fmri asl perfusion relcbf cbf cbv rcbv mtt tmax ttp pwi mra tof angio localizer localiser scout survey stir "
    "subtraction subtracted subtraktion soustraction sustraccion dual loc mip minip psir dir diffusion tensor b0 b1000 eadc dsc "
    "dce dynamic perf mrv venogram ciss fiesta phase pcasl spectroscopy mrs csi qsm fieldmap resolve ep2d epi "
    "defacemask"
)
"""Kinds of images that are none of the four sequences."""

FUNCTIONAL = word_set(
    "dwi adc eadc dti tensor diffusion b1000 tracew bold fmri asl pcasl dsc perfusion cbf cbv rcbf rcbv relcbf relcbv "
    "mtt ttp tmax mrs csi spectroscopy"
)
"""Kinds that are functional images and maps of them: nothing in them can be assessed as in a structural image."""

PROCESSED = word_set(
    "bias biascorr biascorrected biasfield corrected corr n3 n4 n4itk bfc bet hdbet hd brain stripped skullstripped "
    "skullstrip skull strip ss unstripped synthstrip robex noskull defaced deface masked voided reg registered coreg "
    "coregistered rigid affine warped aligned resampled reslice resliced r2s rsri lps ras lpi to in mni mni152 "
    "sri sri24 atlas template space orig origspace native norm normalized normalised zscore whitestripe histmatch "  # codespell:ignore
    "denoised smoothed smooth processed pp crop cropped resized iso 1mm scaled"
)
"""What names say of processing: of several copies of one image the one with the fewest of them is nearest to it."""

TERSE = {"fl": "flair", "pre": "t1", "post": "t1c", "gado": "t1c", "gad": "t1c", "gd": "t1c", "ce": "t1c"}
"""Words that name a sequence only where others name theirs, beside ``P1_T2`` and ``P1_FLAIR``: ``P1_PRE``, ``P1_POST``."""

_TECHNIQUE = word_set(
    "ax axi axial tra trans transversal trs sag sagittal cor coronal kor 2d 3d iso se es tse fse frfse tfe ffe fl2d fl3d ir "
    "spc space cube vista fs fatsat fat sat dixon w"
)
VOCABULARY = FLAIR | T1 | T1C | T2 | AGENT | AFTER | BEFORE | NOT | OTHER | _TECHNIQUE
"""All words that speak of sequences, planes and techniques."""
_WEIGHTED = re.compile(r"t[12]|flair")
_LONGEST = 32
_CHANGE = re.compile(r"(?<![A-Za-z0-9])dT1w?(?![A-Za-z0-9])")
"""The change of T1 by a contrast agent, as Brain-Tumor-Progression names its maps."""

_GLUED_ON = frozenset({word for word in PROCESSED if len(word) > 2 or word in ("n3", "n4")})
"""Words of processing that names write onto others: ``FLAIRreg``, ``T1brain``."""

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
    (r"(?<![a-z0-9])c-(?![a-z0-9])|(?<=\s)-(c|km)(?![a-z0-9])", " nativ "),
    (r"(?<![a-z0-9])c/c(?![a-z0-9])", " contrast "),
    (r"(?<![a-z0-9])s/c(?![a-z0-9])", " nativ "),
    (r"(?<![a-z0-9])w/o", " without "),
    (r"(?<![a-z0-9])s/", " sin "),
    (r"dark[ _-]?fluid|(?<![a-z0-9])da[ _-]fl(?![a-z0-9])", " flair "),
    (r"mp[ _-]rage", " mprage "),
    (r"(post|pre)[ _-]?proc(ess(ed|ing))?(?![a-z])", " processed "),
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
    text = _CHANGE.sub(" subtraction ", text)
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
    if word in VOCABULARY or len(word) > _LONGEST:
        return (word,)
    if not (glued or _WEIGHTED.search(word)):
        ending = next((each for each in _GLUED_ON if word.removesuffix(each) in OTHER), "")
        return (word.removesuffix(ending), ending) if ending else (word,)
    return _pieces(word) or (word,)


def _pieces(word: str) -> tuple[str, ...] | None:
    """The known words that make up a word, long ones first; None where there is a rest."""
    parts = VOCABULARY | _GLUED_ON
    known: dict[int, tuple[str, ...] | None] = {len(word): ()}
    for start in range(len(word) - 1, -1, -1):
        ends = (end for end in range(len(word), start, -1) if word[start:end] in parts and known[end] is not None)
        end = next(ends, None)
        known[start] = None if end is None else (word[start:end], *(known[end] or ()))
    return known[0]
