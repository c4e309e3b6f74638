"""`tumorscope pacs`: fetch studies from a DICOMweb archive, and send files to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tumorscope.core.errors import TumorscopeError
from tumorscope.core.folder_contents import files_below

app = typer.Typer(
    help="Fetch studies from a DICOMweb archive, and send files to it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_MAX_NAMED = 10

UrlOption = Annotated[
    str, typer.Option(metavar="DICOMWEB", help="Address of the service, such as https://pacs.example.org/dicom-web.")
]
UserOption = Annotated[str | None, typer.Option(help="User for basic authentication; needs --password-file.")]
PasswordOption = Annotated[Path | None, typer.Option(help="File with the password in its first line.")]
TokenOption = Annotated[Path | None, typer.Option(help="File with a bearer token in its first line.")]


@app.command()
def pull(
    url: UrlOption,
    study: Annotated[str, typer.Option(metavar="UID", help="StudyInstanceUID.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the study, one folder per series.")],
    user: UserOption = None,
    password_file: PasswordOption = None,
    token_file: TokenOption = None,
) -> None:
    """Fetch a study into a folder; the same command resumes an interrupted one."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from tumorscope.dicom_network.dicomweb import Credentials, connect
    from tumorscope.dicom_network.plurals import counted
    from tumorscope.dicom_network.retrieval import pull_study

    client = connect(url, Credentials(user, password_file, token_file))
    _warn_unencrypted(url, user is not None or token_file is not None)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("fetching", total=None)
        pulled = pull_study(client, study, out, lambda done, total: progress.update(task, completed=done, total=total))
    already = len(pulled.files) - pulled.fetched
    here = f", {already} already present" if already else ""
    series = len({path.parent for path in pulled.files})
    typer.echo(f"Fetched {counted(pulled.fetched, 'object')} in {series} series{here}: {out}")


@app.command()
def push(
    url: UrlOption,
    files: Annotated[list[Path], typer.Argument(metavar="FILES...", help="DICOM files, or folders of them.")],
    user: UserOption = None,
    password_file: PasswordOption = None,
    token_file: TokenOption = None,
) -> None:
    """Send DICOM files to an archive; rejected files are listed."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from tumorscope.dicom_network.dicomweb import Credentials, connect_to_store
    from tumorscope.dicom_network.upload import push_files

    paths = _files(files)
    client = connect_to_store(url, Credentials(user, password_file, token_file))
    _warn_unencrypted(url, user is not None or token_file is not None)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("sending", total=len(paths))
        outcomes = push_files(client, paths, lambda _file: progress.advance(task))
    problems = [each for each in outcomes if each.problem]
    for each in problems[:_MAX_NAMED]:
        typer.echo(f"not sent: {each.path.name}: {each.problem}", err=True)
    if len(problems) > _MAX_NAMED:
        typer.echo(f"not sent: {len(problems) - _MAX_NAMED} more", err=True)
    typer.echo(f"Sent {len(outcomes) - len(problems)} of {len(outcomes)} files")
    if problems:
        raise TumorscopeError(f"{len(problems)} of {len(outcomes)} files were not sent; the lines above say why")


def _files(given: list[Path]) -> list[Path]:
    """The files, including those in folders, without hidden files."""
    paths: list[Path] = []
    for path in given:
        if path.is_dir():
            paths += [inner for inner in files_below(path) if inner.is_file() and inner.name.upper() != "DICOMDIR"]
        elif path.is_file():
            paths.append(path)
        else:
            raise TumorscopeError(f"{path.name}: no such file or folder; check the path")
    if not paths:
        raise TumorscopeError("there are no files in these folders; name files, or folders with files")
    return paths


def _warn_unencrypted(url: str, secret: bool) -> None:
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if secret and parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        typer.echo("note: http:// sends the password unencrypted; use https:// if the service supports it", err=True)
