"""A bundle: a folder with ONNX models and their model card."""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from tumorscope.core.errors import BadBundle
from tumorscope.core.files import save_whole
from tumorscope.inference.model_card import SCHEMA, Card, Model

CARD_FILE = "card.json"
RADIOMICS_FILES = ("radiomics_classifier.onnx", "radiomics_classifier.json")
"""The radiomics classifier of tumor types and its card, which a bundle may hold beside its network."""
TYPE_CHECK_FILE = "type_check.json"
"""What tells a tumor of another type than those that the network knows; a bundle may hold it."""
SHIPPED = Path(__file__).parent / "bundles"


@dataclass(frozen=True)
class Bundle:
    """A bundle with a valid model card; models are read when they are run."""

    folder: Path
    card: Card

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def is_shipped(self) -> bool:
        """Whether Tumorscope brings the bundle, so that its name alone finds it."""
        return self.folder.parent == SHIPPED

    @cached_property
    def sha256(self) -> str:
        """One hash over model card and models; results are equal only where it is."""
        digest = hashlib.sha256((self.folder / CARD_FILE).read_bytes())
        for model in self.card.models:
            digest.update(bytes.fromhex(model.sha256))
        if self.has_radiomics_classifier:
            for name in RADIOMICS_FILES:
                digest.update((self.folder / name).read_bytes())
        if self.has_type_check:
            digest.update((self.folder / TYPE_CHECK_FILE).read_bytes())
        return digest.hexdigest()

    @property
    def has_radiomics_classifier(self) -> bool:
        """Whether the bundle holds a radiomics classifier of tumor types."""
        return all((self.folder / name).is_file() for name in RADIOMICS_FILES)

    @property
    def has_type_check(self) -> bool:
        """Whether the bundle holds a check for tumors of other types."""
        return (self.folder / TYPE_CHECK_FILE).is_file()

    def read_model(self, model: Model) -> bytes:
        """The model's bytes, checked against the card.

        Raises:
            BadBundle: the file is missing or was changed.
        """
        path = self.folder / model.file
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BadBundle(f"bundle {self.name}: {model.file} cannot be read ({error.strerror})") from error
        if hashlib.sha256(content).hexdigest() != model.sha256:
            raise BadBundle(f"bundle {self.name}: {model.file} is damaged (its checksum differs from the card's)")
        return content


def load_bundle(name_or_folder: str | Path) -> Bundle:
    """Find a bundle by its shipped name or its folder.

    Raises:
        BadBundle: there is none, or its model card is damaged or made for another version.
    """
    folder = Path(name_or_folder)
    if not (folder / CARD_FILE).is_file():
        shipped = SHIPPED / str(name_or_folder)
        if not (shipped / CARD_FILE).is_file():
            names = sorted(bundle.parent.name for bundle in SHIPPED.glob(f"*/{CARD_FILE}"))
            close = difflib.get_close_matches(str(name_or_folder), names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"shipped: {', '.join(names) or 'none'}"
            raise BadBundle(f"no bundle {str(name_or_folder)!r} ({hint}; or name a folder with a {CARD_FILE})")
        folder = shipped
    try:
        return Bundle(folder, Card.model_validate_json((folder / CARD_FILE).read_bytes()))
    except OSError as error:
        raise BadBundle(f"{folder}: {CARD_FILE} cannot be read ({error.strerror})") from error
    except ValidationError as error:
        fault = error.errors()[0]
        location = ".".join(str(part) for part in fault["loc"]) or "the file"
        if location == "schema":
            raise BadBundle(
                f"{folder}: its model card is not {SCHEMA}; export the bundle again with this version"
            ) from error
        raise BadBundle(f"{folder}: {CARD_FILE} is damaged ({location}: {fault['msg']})") from error


def save_card(card: Card, folder: Path) -> Bundle:
    """Write a card beside its models.

    Raises:
        TumorscopeError: the folder cannot be written; its old card is then unchanged.
    """
    save_whole(folder / CARD_FILE, (json.dumps(card.model_dump(mode="json", by_alias=True), indent=1) + "\n").encode())
    return Bundle(folder, card)


def shipped_bundles() -> list[Bundle]:
    """The bundles inside the package, by name."""
    return [load_bundle(path.parent) for path in sorted(SHIPPED.glob(f"*/{CARD_FILE}"))]
