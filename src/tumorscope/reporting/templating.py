"""One template in two languages, HTML and Typst; in both, printed values are text and never code."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tumorscope.core.cache_folder import keep, recall

if TYPE_CHECKING:
    from jinja2 import BytecodeCache, Environment
    from jinja2.bccache import Bucket
    from markupsafe import Markup

Language = Literal["html", "typst"]
TEMPLATES = Path(__file__).parent / "templates"
_KEPT_TEMPLATES = 64


def render(name: str, language: Language, **values: Any) -> Markup:
    """Fill in one of the templates.

    ``say`` is a module of macros (``html.j2`` or ``typst.j2``) for headings, paragraphs and tables.
    In HTML and SVG values are escaped; in Typst they become literals, so that no character of a name
    is read as code.
    """
    from markupsafe import Markup

    return Markup(_environment(language).get_template(name).render(**values))


def typst_literal(value: Any) -> str:
    r"""A value as Typst's own literal.

    Within a Typst string only backslash and quotation mark are special.

    >>> print(typst_literal('#include "x" \\ $y$'))
    "#include \"x\" \\ $y$"
    >>> print(typst_literal(["a", 1.5, None, True]))
    ("a", 1.5, none, true, )
    """
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            escaped = plain(value).replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"'
        case Sequence():
            return "(" + "".join(f"{typst_literal(part)}, " for part in value) + ")"
    raise TypeError(f"{type(value).__name__} has no literal in Typst")


def plain(text: str) -> str:
    r"""Text without control characters, broken bytes and bidirectional controls.

    >>> plain("a\x07b\u202ec")
    'a�b�c'
    """
    return text if text.isprintable() else "".join(sign if sign.isprintable() else "�" for sign in text)


@cache
def _environment(language: Language) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    def finalize(value: Any) -> Any:
        if isinstance(value, Markup):  # made by a template, so its values were finalized before
            return value
        if language == "typst":
            return Markup(typst_literal(value))
        return plain(value) if isinstance(value, str) else value

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        bytecode_cache=_kept_templates(language),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["language"] = language
    return environment


def _kept_templates(language: Language) -> BytecodeCache:
    """Compiled templates, kept between runs: to compile them takes longer than to fill them in."""
    import jinja2

    import tumorscope

    class KeptTemplates(jinja2.BytecodeCache):
        def load_bytecode(self, bucket: Bucket) -> None:
            kept = recall("templates", key(bucket))
            if kept is not None:
                bucket.bytecode_from_string(kept)

        def dump_bytecode(self, bucket: Bucket) -> None:
            keep("templates", key(bucket), bucket.bytecode_to_string(), _KEPT_TEMPLATES)

    def key(bucket: Bucket) -> str:
        # Jinja's own key is the template's place; what it is compiled to depends on these as well.
        return f"{tumorscope.__version__}-{jinja2.__version__}-{language}-{bucket.key}"

    return KeptTemplates()
