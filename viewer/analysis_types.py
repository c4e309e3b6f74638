"""Prints the TypeScript types of ``analysis.json`` from its models, and which notes are no warnings: python viewer/analysis_types.py > viewer/src/analysis.ts"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tumorscope.core.note import INFORMATIVE
from tumorscope.reporting.analysis_document import analysis_schema

_HEAD = "/** The content of analysis.json. Printed by viewer/analysis_types.py; do not edit. */\n"
_NAMES = {"AnalysisDocument": "Analysis", "SliceEntry": "SliceFinding", "TypeEntry": "TypeFinding"}
_SCALARS = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null"}


def typescript() -> str:
    """All interfaces, one per model."""
    schema = analysis_schema()
    models = {**schema["$defs"], schema["title"]: schema}
    return "\n".join([_HEAD, *(_interface(name, model) for name, model in models.items()), _informative()])


def _informative() -> str:
    codes = ", ".join(f'"{code}"' for code in sorted(INFORMATIVE))
    comment = (
        "/** Codes of notes that tell what was done; all others are warnings, after which findings may be wrong. */"
    )
    return f'{comment}\nexport const INFORMATIVE: ReadonlySet<Note["code"]> = new Set<Note["code"]>([{codes}]);\n'


def _interface(name: str, model: Mapping[str, Any]) -> str:
    lines = [f"export interface {_name(name)} {{"]
    for key, value in model["properties"].items():
        if "description" in value:
            lines.append(f"  /** {value['description']} */")
        lines.append(f"  {key}: {_type(value)};")
    return "\n".join([*lines, "}", ""])


def _type(value: Mapping[str, Any]) -> str:
    if "$ref" in value:
        return _name(value["$ref"].rpartition("/")[2])
    if "const" in value:
        return f'"{value["const"]}"'
    if "enum" in value:
        return " | ".join(f'"{each}"' for each in value["enum"])
    if "anyOf" in value:
        return " | ".join(_type(each) for each in value["anyOf"])
    if "prefixItems" in value:
        return f"[{', '.join(_type(each) for each in value['prefixItems'])}]"
    if value["type"] == "array":
        item = _type(value["items"])
        return f"({item})[]" if "|" in item else f"{item}[]"
    if value["type"] == "object":
        return f"Record<string, {_type(value['additionalProperties'])}>"
    return _SCALARS[value["type"]]


def _name(model: str) -> str:
    return _NAMES.get(model, model.removesuffix("Entry"))


if __name__ == "__main__":
    print(typescript(), end="")
