import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tumorscope.core.cache_folder import CACHE_VARIABLE
from tumorscope.reporting import templating
from tumorscope.reporting.report_content import build_report
from tumorscope.reporting.templating import plain, typst_literal

typst = pytest.importorskip("typst")
NO_FONTS = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False)


def read_back(value):
    """What Typst makes of a value's literal."""
    return json.loads(typst.eval(b"", typst_literal(value), font_paths=NO_FONTS, ignore_system_fonts=True))


@pytest.mark.parametrize(
    "text",
    [
        '"; #panic("out") //',
        '\\" #include "/etc/passwd"',
        "\\",
        '\\\\"',
        "\\u{41}",
        "$x^2$ @ref `raw` *b* _i_ <label> // /* #[x] ~ -- ...",
        "a\nb\tc",
    ],
)
def test_typst_reads_back_the_text_it_was_given(text):
    assert read_back(text) == plain(text)


@settings(max_examples=60, deadline=None)
@given(st.text())
def test_typst_reads_back_any_text(text):
    assert read_back(text) == plain(text)


def test_lists_keep_their_values_and_their_depth():
    rows = [["a", 1], ["b", None]]
    assert read_back(rows) == rows
    assert read_back([["only"]]) == [["only"]]
    assert read_back([]) == []


def test_values_without_a_literal_are_refused():
    with pytest.raises(TypeError, match="object has no literal"):
        typst_literal(object())


def test_templates_read_back_write_what_the_compiled_ones_did(analyzed, volume_scan, mask, tmp_path, monkeypatch):
    """In either language: what is constant in a template is written when it is compiled, for its language alone."""
    report = build_report(analyzed(volume_scan, mask))

    def written(cache):
        monkeypatch.setenv(CACHE_VARIABLE, cache)
        templating._environment.cache_clear()
        return [
            str(templating.render("report.j2", language, report=report, style="")) for language in ("html", "typst")
        ]

    cache = str(tmp_path / "cache")
    assert written("") == written(cache) == written(cache)
    assert len(list((tmp_path / "cache" / "templates").iterdir())) == 4  # the report and its macros, in two languages
    templating._environment.cache_clear()
