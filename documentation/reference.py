"""Reference pages of the site, each made from what it describes: command line, HTTP, ``analysis.json``, recipes."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

RECIPES = Path(__file__).resolve().parents[1] / "recipes"
_CODE_OR_LINK = re.compile(r"(`[^`]*`|\[[^\]]*\]\([^)]*\))")
_ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):(?=`)")
"""A role of Sphinx, which Markdown does not know."""
_SIGNS = re.compile(r"([|*\[_])")
_LINK_TARGET = re.compile(r"\]\((?!https?:)(#)?(?=[^`]*$)")
_DESCRIBED_IN = "output.md"
"""The page from which links in descriptions of the models lead."""
_NOTE = "*Generated from {source} when this site was built.*"


def pages() -> dict[str, str]:
    """The content of each generated page by its path below ``docs/``."""
    return {path: make() for path, make in _PAGES.items()}


def cli_page() -> str:
    """All commands with their arguments and options, from the parser."""
    from typer.main import get_command

    from tumorscope.cli.main import program

    lines = [
        "# Command line",
        _NOTE.format(source="the program's own help (`tumorscope COMMAND --help`)"),
        "Exit codes: 0, everything was done; 2, an error that the user can act on, in one line; 130, interrupted.",
    ]
    lines += _commands(get_command(program()), None, ("tumorscope",))
    return "\n\n".join(lines) + "\n"


def http_page() -> str:
    """The requests of the service, from its OpenAPI document."""
    document = openapi_document()
    lines = [
        "# HTTP interface",
        _NOTE.format(source="the service's OpenAPI document"),
        "A running service shows it at `/docs`, and gives it at `/openapi.json`; it is [here as a file](openapi.json), "
        "too. How to use it, with examples: [the service](../service.md#http).",
        _table(
            ("request", "what it does"),
            ((f"`{method} {path}`", _first_sentence(operation)) for path, method, operation in _operations(document)),
        ),
    ]
    for path, method, operation in _operations(document):
        lines += [f"## {method} {path}", *_operation(operation)]
    lines += ["## Schemas", *_definitions(document["components"]["schemas"])]
    return "\n\n".join(lines) + "\n"


def openapi_document() -> dict[str, Any]:
    """The service's OpenAPI document; no service is started."""
    from tumorscope.service.settings import ServiceSettings
    from tumorscope.service.web import create_app

    with tempfile.TemporaryDirectory() as folder:
        return create_app(ServiceSettings(data=Path(folder), workers=0)).openapi()


def analysis_page() -> str:
    """The schema of ``analysis.json`` as tables."""
    from tumorscope.reporting.analysis_document import analysis_schema

    schema = analysis_schema()
    lines = [
        "# analysis.json",
        _NOTE.format(source="the models that write and read the file"),
        "The same [as JSON Schema](analysis.schema.json) (draft 2020-12). What the keys mean for a reader is told under "
        "[Output](../output.md); lengths are in millimeters, positions in RAS+.",
        *_definitions({"The document": schema}),
        *_definitions(schema["$defs"]),
    ]
    return "\n\n".join(lines) + "\n"


def recipes_page() -> str:
    """The keys of a recipe, and the recipes that ship."""
    from tumorscope.recipes.experiment import Recipe
    from tumorscope.recipes.radiomics import FeaturesRecipe

    networks, features = Recipe.model_json_schema(), FeaturesRecipe.model_json_schema()
    lines = [
        "# Recipes",
        _NOTE.format(source="the models that check recipes, and from the folder `recipes`"),
        "A recipe is a YAML file; `--set KEY=VALUE` changes a key, as `--set preparation.size=96`. An unknown key is "
        "refused with the nearest known one. What each recipe is for: [Training](../training.md#recipes).",
        *_definitions({"A network's recipe": networks}),
        *_definitions(networks["$defs"]),
        *_definitions({"A recipe for models on radiomic features": features} | features.get("$defs", {})),
        "## Recipes that ship",
    ]
    for path in sorted(RECIPES.glob("*.yaml")):
        lines += [f"### {path.stem}", f"```yaml\n{path.read_text(encoding='utf-8').rstrip()}\n```"]
    return "\n\n".join(lines) + "\n"


def public_names() -> str:
    """The public names of `tumorscope` as mkdocstrings' directives."""
    import tumorscope

    return "\n\n".join(f"::: tumorscope.{name}" for name in tumorscope.__all__ if not name.startswith("_"))


def renamed_keys() -> str:
    """Rows of the keys of recipes that were renamed, the old one first."""
    from tumorscope.recipes.renamed_keys import RENAMED_KEYS

    return "\n".join(f"| `{old}` | `{new}` |" for old, new in RENAMED_KEYS.items())


def colors_table() -> str:
    """Names, meanings and colors of the segments in DICOM objects, as a Markdown table."""
    from tumorscope.inference.labels import COLORS, ENHANCING_TUMOR, WHOLE_TUMOR
    from tumorscope.io.dicom.seg_writer import LESION_COLORS

    rows = [
        (f"Lesion {number}", "one bundle read the study", color) for number, color in enumerate(LESION_COLORS, start=1)
    ]
    rows += [(name.capitalize(), "two bundles read the study", COLORS[name]) for name in (WHOLE_TUMOR, ENHANCING_TUMOR)]
    swatch = '<span class="swatch" style="background: rgb{0}"></span> {0[0]}, {0[1]}, {0[2]}'
    return _table(("segment or ROI", "where", "red, green, blue"), ((a, b, swatch.format(c)) for a, b, c in rows))


def _commands(command: Any, parent: Any, words: tuple[str, ...]) -> Iterator[str]:
    context = command.context_class(command, info_name=words[-1], parent=parent)
    if len(words) > 1:
        yield f"{'#' * len(words)} {' '.join(words)}"
    yield _paragraphs(command.help or "")
    yield f"```text\n{' '.join(command.get_usage(context).split()).removeprefix('Usage: ')}\n```"
    records = [(each.param_type_name, each.get_help_record(context)) for each in command.get_params(context)]
    for kind in ("argument", "option"):
        rows = [
            (f"`{record[0]}`".replace(" <list[Path]>", ""), _cell(record[1]))
            for of, record in records
            if of == kind and record
        ]
        if rows:
            yield _table((kind, "description"), rows)
    for name, each in getattr(command, "commands", {}).items():
        if not each.hidden:
            yield from _commands(each, context, (*words, name))


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def _operation(operation: dict[str, Any]) -> Iterator[str]:
    if operation.get("description"):
        yield _paragraphs(operation["description"])
    parameters = [
        (f"`{each['name']}`", each["in"], _type(each.get("schema", {})), _cell(each.get("description", "")))
        for each in operation.get("parameters", ())
    ]
    if parameters:
        yield _table(("parameter", "in", "type", "description"), parameters)
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"Body: `{media_type}`, {_type(content.get('schema', {}))}."
    responses = [
        (f"`{status}`", _response_types(response), _cell(response.get("description", "")))
        for status, response in operation["responses"].items()
    ]
    yield _table(("response", "content", "meaning"), responses)


def _first_sentence(operation: dict[str, Any]) -> str:
    description = " ".join(operation.get("description", "").split("\n\n")[0].split())
    return _cell(description or operation.get("summary"))


def _response_types(response: dict[str, Any]) -> str:
    return ", ".join(
        f"`{media_type}` {_type(content.get('schema', {}))}".rstrip()
        for media_type, content in response.get("content", {}).items()
    )


def _definitions(schemas: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Each schema of an object as a heading and a table of its keys."""
    for name, schema in schemas.items():
        yield f"### {name}" if "$defs" not in schema else f"## {name}"
        if schema.get("description"):
            yield _paragraphs(schema["description"])
        required = set(schema.get("required", ()))
        rows = [
            (f"`{key}`", _type(each), _default(each, key in required), _cell(_meaning(each)))
            for key, each in schema.get("properties", {}).items()
        ]
        yield _table(("key", "type", "default", "meaning"), rows) if rows else _type(schema)


def _meaning(schema: dict[str, Any]) -> str:
    limits = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    parts = [schema, *(each for each in schema.get("anyOf", ()) if each.get("type") != "null")]
    stated = [f"{word} {part[key]:g}" for part in parts for key, word in limits.items() if key in part]
    return "; ".join(filter(None, (schema.get("description", ""), ", ".join(stated))))


def _default(schema: dict[str, Any], required: bool) -> str:
    if required or "default" not in schema:
        return "" if not required else "required"
    return f"`{json.dumps(schema['default'])}`"


def _type(schema: dict[str, Any]) -> str:
    """A JSON Schema's type in words, with links to the definitions on the same page."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(filter(None, map(_type, schema[several]))))
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    kind = schema.get("type", "any" if schema == {} else "")
    if kind == "array":
        return _array(schema)
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    return str(kind)


def _array(schema: dict[str, Any]) -> str:
    places = [_type(each) for each in schema.get("prefixItems", ())]
    if places:
        return f"{len(places)} × {places[0]}" if len(set(places)) == 1 else f"({', '.join(places)})"
    return f"list of {_type(schema.get('items', {}))}"


def _table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heading, tuple("---" for _ in heading), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cell(text: str | None) -> str:
    r"""Text for a table's cell: one line, in which only code and links are Markdown.

    >>> _cell("a_b of `a_b`, see [below](#two-labels) [default: 1]")
    'a\\_b of `a_b`, see [below](../output.md#two-labels) \\[default: 1]'
    """
    parts = _CODE_OR_LINK.split(_ROLE.sub("", " ".join((text or "").split())))
    return "".join(
        _LINK_TARGET.sub(_from_here, part) if index % 2 else _escaped(part) for index, part in enumerate(parts)
    )


def _from_here(link: re.Match[str]) -> str:
    return f"](../{_DESCRIBED_IN}#" if link[1] else "](../"


def _escaped(text: str) -> str:
    return _SIGNS.sub(r"\\\1", text).replace("<", "&lt;")


def _paragraphs(text: str) -> str:
    return "\n\n".join(_cell(block) for block in text.strip().split("\n\n"))


def _analysis_schema() -> str:
    from tumorscope.reporting.analysis_document import analysis_schema

    return json.dumps(analysis_schema(), indent=1)


_PAGES: dict[str, Callable[[], str]] = {
    "reference/cli.md": cli_page,
    "reference/http.md": http_page,
    "reference/analysis.md": analysis_page,
    "reference/recipes.md": recipes_page,
    "reference/openapi.json": lambda: json.dumps(openapi_document(), indent=1),
    "reference/analysis.schema.json": _analysis_schema,
}
