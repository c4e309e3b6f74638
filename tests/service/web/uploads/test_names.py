import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tumorscope.service.web.api_error import ApiError
from tumorscope.service.web.uploads.upload_names import is_clutter, parts_of, safe_file_name, safe_path


@pytest.mark.parametrize(
    "name",
    [
        "../evil.png",
        "a/../../evil.png",
        "a\\..\\..\\evil.png",
        "/etc/passwd",
        "\\windows\\system.ini",
        "C:\\evil.png",
        "c:evil.png",
        "//server/share/evil.png",
        "a\0b.png",
        "",
        ".",
        "folder/",
        "x" * 300,
        "/".join("d" * 40) + "/x.png",
        "a/" * 600 + "x.png",
    ],
)
def test_a_path_that_leaves_its_folder_or_has_no_name_is_rejected(name):
    with pytest.raises(ApiError) as refusal:
        parts_of(name)
    assert refusal.value.status == 400
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 250


@settings(deadline=None)
@given(st.text(max_size=60))
def test_every_file_name_stays_inside_the_folder(name):
    try:
        path = safe_path(parts_of(name))
    except ApiError:
        return
    assert not path.is_absolute()
    assert ".." not in path.parts
    assert all(part.isascii() and not part.startswith((".", "-")) and "<" not in part for part in path.parts)


def test_the_suffix_is_kept():
    assert safe_file_name("Größe FLAIR.NII.GZ").endswith(".nii.gz")
    assert safe_file_name("1.2.840.10008.12") == "1.2.840.10008.12"
    assert safe_file_name("<img src=x onerror=alert(1)>.png").startswith("img_src_x")


def test_files_of_operating_systems_are_clutter():
    assert is_clutter(("scan", ".DS_Store"))
    assert is_clutter(("__MACOSX", "flair.nii"))
    assert is_clutter(("Thumbs.db",))
    assert not is_clutter(("scan", "flair.nii"))
