"""Tells suites of the same file name apart by their folders, so that one is never a version of the other.

A dataset is named after its file. Two files `cases.jsonl` in two folders are two suites: as versions of one dataset each
would be the baseline of the other. Versions therefore record the origin of their file as source, such as
`shop/evaluation/cases.jsonl`: the folders from the root of the checkout (or the working directory) on, but not where that
lies on the machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import sqlalchemy as sa

from db.tables.evaluations import dataset_version

_VERSION_CONTROL = (".git", ".hg", ".svn")
_ORIGIN = re.compile(r"[^:\n]+/[^:/\n]+")


def describe_origin(file: Path) -> str:
    """The folders and the name of a file, from the root of its checkout on; else from the working directory on.

    The root itself is included, because repositories share paths such as `evaluation/cases.jsonl`.
    """
    path = file.resolve()
    for folder in path.parents:
        if any((folder / name).exists() for name in _VERSION_CONTROL):
            return path.relative_to(folder.parent).as_posix()
    root = Path.cwd().resolve()
    if not path.is_relative_to(root):
        root = path.parent
    return path.relative_to(root.parent).as_posix()


def choose_name(connection: sa.Connection, name: str, origin: str, content_sha256: str) -> str:
    """The dataset that a file belongs to: `name`, unless that holds the files of another folder.

    Args:
        connection: reads the sources of the versions.
        name: of the file, without its extension.
        origin: of the file, as `describe_origin` returns it.
        content_sha256: of its cases; a dataset with the same content is the same suite wherever the file lies.
    """
    for candidate in _list_candidates(name, origin):
        c = dataset_version.c
        versions = connection.execute(
            sa.select(c.source, c.content_sha256).where(c.dataset == candidate)
        ).all()
        origins = [row.source for row in versions if _has_folder(row.source)]
        if (
            not origins
            or any(row.content_sha256 == content_sha256 for row in versions)
            or any(_is_same_file(known, origin) for known in origins)
        ):
            return candidate
    raise AssertionError("the numbered candidates have no end")


def _list_candidates(name: str, origin: str) -> Iterator[str]:
    """`cases`, then `billing-cases`, `shop-billing-cases` and so on, then numbers."""
    yield name
    longer = name
    for folder in reversed(PurePosixPath(origin).parts[:-1]):
        longer = f"{folder}-{longer}"
        if longer.isprintable() and len(longer) <= 200:
            yield longer
    number = 2
    while True:
        yield f"{name}-{number}"
        number += 1


def _has_folder(source: str) -> bool:
    # Other versions have a bare file name (uploaded in a browser) or a description (edited, generated) as source.
    return _ORIGIN.fullmatch(source) is not None


def _is_same_file(first: str, second: str) -> bool:
    """Whether one origin ends with the other: a working directory below another one sees fewer folders.

    Extensions do not count: a suite that is converted to another format stays the same suite.
    """
    shorter, longer = sorted(
        (PurePosixPath(origin).with_suffix("").parts for origin in (first, second)), key=len
    )
    return longer[-len(shorter) :] == shorter
