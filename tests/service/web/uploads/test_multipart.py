import tracemalloc

import pytest

from tumorscope.service.web.api_error import ApiError
from tumorscope.service.web.uploads.multipart import MultipartReceiver

KIND = "multipart/form-data; boundary=XX"


def part(data: bytes, name="files", filename: str | None = "a.png") -> bytes:
    file = "" if filename is None else f'; filename="{filename}"'
    return f'--XX\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + data + b"\r\n"


END = b"--XX--\r\n"


def receive(tree, body, step=7):
    receiver = MultipartReceiver(KIND, tree)
    try:
        for start in range(0, len(body), step):
            receiver.write(body[start : start + step])
        receiver.finish()
    finally:
        receiver.close()
    return receiver


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_files_are_complete_however_the_body_is_split(make_tree, step):
    tree = make_tree()
    data = bytes(range(256)) + b"\r\n--X\r\n--XY"
    body = part(data, filename="b.png") + part(b"t1", filename="case/t1.nii") + part(b"auto", "bundle", None) + END
    receiver = receive(tree, body, step)
    assert receiver.fields == {"bundle": "auto"}
    assert (tree.loose / "b.png").read_bytes() == data
    assert (tree.folders / "case" / "t1.nii").read_bytes() == b"t1"


def test_two_files_with_the_same_name_are_both_kept(make_tree):
    tree = make_tree()
    receive(tree, part(b"one") + part(b"two") + part(b"three", filename="A.PNG") + END)
    assert sorted(path.read_bytes() for path in tree.loose.iterdir()) == [b"one", b"three", b"two"]


def test_names_in_any_script_are_kept(make_tree):
    tree = make_tree()
    receive(tree, part(b"x", filename="магнит.png") + END)
    assert list(tree.sent_as.values()) == ["магнит.png"]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("filename*=UTF-8''M%C3%BCller.png", "Müller.png"),
        ("filename*=iso-8859-1'de'M%FCller.png", "Müller.png"),
        ("filename*=UTF-8''case%2Fslice%201.png", "slice 1.png"),
        ("filename=\"plain.png\"; filename*=UTF-8''other.png", "plain.png"),
    ],
)
def test_a_file_may_have_only_an_extended_name(make_tree, disposition, name):
    tree = make_tree()
    head = f'--XX\r\nContent-Disposition: form-data; name="files"; {disposition}\r\n\r\n'.encode()
    receiver = receive(tree, head + b"x" * 5000 + b"\r\n" + END)
    assert receiver.files == 1
    assert list(tree.sent_as.values()) == [name]
    assert [path.read_bytes() for path in tree.sent_as] == [b"x" * 5000]


def test_an_extended_name_follows_the_same_rules(make_tree):
    head = b"--XX\r\nContent-Disposition: form-data; name=\"files\"; filename*=UTF-8''..%2F..%2Fx.png\r\n\r\n"
    with pytest.raises(ApiError, match="leaves its folder"):
        receive(make_tree(), head + b"x\r\n" + END)


@pytest.mark.parametrize(
    ("body", "limits", "status", "words"),
    [
        (part(b"x" * 2000) + END, {"upload_bytes": 1000}, 413, "larger than"),
        (part(b"x", filename="1.png") + part(b"x", filename="2.png") + END, {"files": 1}, 413, "more than 1 files"),
        (part(b"x", filename="../x.png") + END, {}, 400, "leaves its folder"),
        (part(b"x", filename="/x.png") + END, {}, 400, "absolute"),
        (part(b"x", filename="n" * 300 + ".png") + END, {}, 400, "more than 255"),
        (part(b"x", filename="/".join("d" * 30) + ".png") + END, {}, 400, "folders deep"),
        (part(b"x", filename="") + END, {}, 400, "has no name"),
        (part(b"x", name="other") + END, {}, 400, "field named files"),
        (part(b"v" * 3000, "bundle", None) + END, {}, 413, "only files may be"),
        (b"".join(part(b"v", f"f{n}", None) for n in range(40)) + END, {}, 413, "more than 16 fields"),
        (part(b"x"), {}, 400, "incomplete"),
        (b"--XX\r\nnonsense without a colon\r\n\r\n", {}, 400, "damaged"),
        (b"--XX\r\n" + b"A: " + b"h" * 100_000, {}, 400, "damaged"),
        (b"something else", {}, 400, "damaged|incomplete"),
        (b"", {}, 400, "incomplete"),
    ],
)
def test_an_invalid_form_is_rejected_while_it_arrives(make_tree, body, limits, status, words):
    with pytest.raises(ApiError, match=words) as refusal:
        receive(make_tree(**limits), body)
    assert refusal.value.status == status


@pytest.mark.parametrize(
    ("kind", "status"),
    [("text/plain", 415), ("", 415), ("multipart/form-data", 400), ("multipart/form-data; boundary=" + "b" * 300, 400)],
)
def test_only_forms_with_a_boundary_are_accepted(make_tree, kind, status):
    with pytest.raises(ApiError) as refusal:
        MultipartReceiver(kind, make_tree())
    assert refusal.value.status == status


def test_files_of_operating_systems_are_skipped(make_tree):
    tree = make_tree()
    receiver = receive(tree, part(b"x", filename=".DS_Store") + part(b"y") + END)
    assert receiver.files == 2
    assert list(tree.sent_as.values()) == ["a.png"]


def test_memory_is_constant_for_large_files(make_tree):
    tree = make_tree()
    receiver = MultipartReceiver(KIND, tree)
    piece = bytes(1 << 20)
    tracemalloc.start()
    receiver.write(part(b"")[:-2])
    for _ in range(64):
        receiver.write(piece)
    receiver.write(b"\r\n" + END)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    receiver.finish()
    assert (tree.loose / "a.png").stat().st_size == 64 << 20
    assert peak < 4 << 20
