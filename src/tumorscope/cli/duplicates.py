"""`tumorscope datasets duplicates`: copies of images within and across data sets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

THRESHOLD = 0.96  # comparison.COPY_THRESHOLD, not imported so that --help is fast


def command(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Folders of images, one per data set.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for duplicates.csv, duplicates.md, pairs.png and split.json.")
    ] = Path("duplicates"),
    threshold: Annotated[
        float, typer.Option(min=0.86, max=1, help="Correlation from which images are copies.")
    ] = THRESHOLD,
) -> None:
    """Find exact and near copies, and write the test part without them."""
    import io
    import os

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from tumorscope.core.files import safe_name, save_together
    from tumorscope.datasets.duplicates import Fingerprints, find_duplicates, find_images, fingerprint_folder
    from tumorscope.datasets.duplicates.copy_report import markdown, pairs_csv, terminal_table
    from tumorscope.datasets.duplicates.copy_statistics import Overview
    from tumorscope.datasets.duplicates.sheet import draw_pairs

    roots = named_roots(paths)
    files = {name: find_images(root) for name, root in roots.items()}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        reading = progress.add_task("reading", total=sum(map(len, files.values())))
        sets = [
            fingerprint_folder(
                root,
                name,
                processes=min(2, os.cpu_count() or 1),
                on_image=lambda _name: progress.advance(reading),
                files=files[name],
            )
            for name, root in roots.items()
        ]
        prints = Fingerprints.join(sets)
        comparing = progress.add_task("comparing", total=len(prints))
        pairs = find_duplicates(prints, threshold, lambda done, total: progress.update(comparing, completed=done))
    overview = Overview(prints, pairs, threshold)
    image = io.BytesIO()
    draw_pairs(prints, pairs, roots).save(image, "PNG")
    splits = overview.clean_splits()
    split_files = {"split.json" if len(splits) == 1 else f"split-{safe_name(name)}.json": name for name in splits}
    contents = {
        "pairs.png": image.getvalue(),
        "duplicates.csv": pairs_csv(overview).encode(),
        **{file: splits[name].to_json().encode() for file, name in split_files.items()},
        "duplicates.md": markdown(overview).encode(),
    }
    # Remove the splits of an earlier run, but no other files.
    earlier = out.glob("split*.json") if (out / "duplicates.md").exists() else ()
    save_together(out, contents, tuple(path.name for path in earlier if path.name not in contents))
    console = Console(highlight=False)
    console.print(terminal_table(overview))
    if prints.unreadable:
        _name_unreadable(console, list(prints.unreadable.values()))
    for name, split in splits.items():
        kept, dropped = len(split["test"]), len(split["dropped"])
        console.print(f"{name}: {kept:,} test images without copies, {dropped:,} dropped", markup=False)
    console.print(f"Saved: {', '.join(str(out / name) for name in contents)}", markup=False, soft_wrap=True)


def named_roots(paths: Sequence[Path]) -> dict[str, Path]:
    """Each folder by its name; folders of one name are numbered.

    >>> list(named_roots([Path("a/set"), Path("b/set")]))
    ['set', 'set-2']

    Raises:
        BadDataset: a folder is inside another, or is named twice, so that its images would count as copies.
    """
    from tumorscope.core.errors import BadDataset

    whole = [path.resolve() for path in paths]
    for index, path in enumerate(whole):
        for other in (*whole[:index], *whole[index + 1 :]):
            if path == other or other in path.parents:
                raise BadDataset(f"{paths[index]}: is inside another of the folders, or is named twice; name it once")
    roots: dict[str, Path] = {}
    for path, resolved in zip(paths, whole, strict=True):
        name, number = resolved.name, 2
        while name in roots:
            name, number = f"{resolved.name}-{number}", number + 1
        roots[name] = path
    return roots


def _name_unreadable(console: Console, lines: Sequence[str], most: int = 5) -> None:
    console.print(f"left out, cannot be read: {len(lines):,}", style="red")
    for line in lines[:most]:
        console.print(f"  {line}", style="dim", markup=False)
    if len(lines) > most:
        console.print(f"  and {len(lines) - most:,} more, named in duplicates.md", style="dim")
