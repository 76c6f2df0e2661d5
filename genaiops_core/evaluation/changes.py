"""How versions of a dataset differ, and new versions from old ones: edited, tagged, split."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import sqlalchemy as sa

from db.tables.evaluations import dataset_tag
from db.transaction import insert, reading, writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.errors import BadInput, NotFound
from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.cases import FIELDS, Case
from genaiops_core.evaluation.versions import DatasetVersion

SPLIT = "split"
"""Metadata of a case that names its split, as Hugging Face and others call it."""

MAX_TAG_LENGTH = 100


class Difference(NamedTuple):
    """One value of a case that differs between two versions."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A case with the same input in both versions and something else in it changed."""

    before: Case
    after: Case

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that differ."""
        old, new = self.before.as_json(), self.after.as_json()
        return tuple(name for name in FIELDS if old[name] != new[name])

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The values that differ; metadata key by key, as `metadata.split`."""
        old, new = self.before.as_json(), self.after.as_json()
        found = [Difference(name, old[name], new[name]) for name in self.fields if name != "metadata"]
        was, now = old["metadata"], new["metadata"]
        found += [
            Difference(f"metadata.{key}", was.get(key), now.get(key))
            for key in dict.fromkeys((*was, *now))
            if was.get(key) != now.get(key)
        ]
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Diff:
    """What one version has that the other has not; cases are the same when their inputs are."""

    added: tuple[Case, ...]
    removed: tuple[Case, ...]
    changed: tuple[Changed, ...]
    unchanged: int


def diff_cases(before: Sequence[Case], after: Sequence[Case]) -> Diff:
    """Compare two lists of cases by input; an input asked twice is matched in order, equal cases first."""
    waiting: dict[str, list[Case]] = defaultdict(list)
    for case in before:
        waiting[case.input].append(case)
    rest: list[Case] = []
    for case in after:
        if case in waiting[case.input]:
            waiting[case.input].remove(case)
        else:
            rest.append(case)
    unchanged = len(after) - len(rest)
    changed: list[Changed] = []
    added: list[Case] = []
    for case in rest:
        if waiting[case.input]:
            changed.append(Changed(before=waiting[case.input].pop(0), after=case))
        else:
            added.append(case)
    removed = tuple(case for left in waiting.values() for case in left)
    return Diff(added=tuple(added), removed=removed, changed=tuple(changed), unchanged=unchanged)


def diff(connection: sa.Connection, name: str, before: int, after: int) -> Diff:
    """Compare two versions of a dataset.

    Raises:
        NotFound: there is no such dataset or version.
    """
    found = []
    for version in (before, after):
        datasets.get_version(connection, name, version)
        found.append([case for _number, case in datasets.cases(connection, name, version)])
    return diff_cases(found[0], found[1])


def edit(
    engine: sa.Engine,
    *,
    actor: str,
    name: str,
    version: int,
    changed: Mapping[int, Case | None],
    added: Sequence[Case] = (),
    reason: str = "",
    action: str = "dataset.edit",
    source: str = "",
) -> DatasetVersion:
    """Make the next version from an old one.

    Args:
        version: what the edit started from.
        changed: case number -> the case as it should be, or None to remove it.
        added: cases put at the end.
        reason: why, for the audit log.
        action: how the audit log calls it.
        source: what the version says of itself; '' names the version it was edited from.

    Raises:
        NotFound: there is no such version, or a case that is changed is not in it.
        BadInput: nothing is left, or a case has no input.
    """
    with reading(engine) as connection:
        datasets.get_version(connection, name, version)
        old = datasets.cases(connection, name, version)
    if unknown := sorted(set(changed) - {number for number, _case in old}):
        raise NotFound(f"Dataset {name} version {version} has no case {unknown[0]}.")
    edited = [changed.get(number, case) for number, case in old]
    kept = [case for case in (*edited, *added) if case is not None]
    if any(not case.input.strip() for case in kept):
        raise BadInput("A case needs an input; remove the row or fill it in.")
    if not kept:
        raise BadInput("No case would be left; delete the dataset instead, or keep one.")
    return datasets.add_cases(
        engine,
        actor=actor,
        name=name,
        cases=kept,
        source=source or f"edited from version {version}",
        reason=reason,
        action=action,
    )


def split(
    engine: sa.Engine, *, actor: str, name: str, version: int, shares: Mapping[str, float], reason: str = ""
) -> DatasetVersion:
    """The next version, in which every case names its split.

    Raises:
        NotFound: there is no such version.
        BadInput: the shares are none.
    """
    with reading(engine) as connection:
        datasets.get_version(connection, name, version)
        old = [case for _number, case in datasets.cases(connection, name, version)]
    made = assign_splits(old, shares)
    source = f"split from version {version}"
    return datasets.add_cases(
        engine, actor=actor, name=name, cases=made, source=source, reason=reason, action="dataset.split"
    )


def parse_shares(text: str) -> dict[str, float]:
    """`dev=80 test=20` as shares by name; commas may part them too.

    Raises:
        BadInput: a part is no NAME=NUMBER, or a name comes twice.
    """
    shares: dict[str, float] = {}
    for part in text.replace(",", " ").split():
        name, _, number = part.partition("=")
        try:
            share = float(number)
        except ValueError:
            share = 0.0
        if not name or name in shares or not 0 < share < float("inf"):
            raise BadInput(f"A split is NAME=SHARE with a share above 0, as in dev=80 test=20, not '{part}'.")
        shares[name] = share
    return shares


def assign_splits(cases: Sequence[Case], shares: Mapping[str, float]) -> list[Case]:
    """Cases with their split in the metadata.

    The split hangs on the input alone: cases added later do not move the others, and a question asked twice never
    stands in two splits.

    Raises:
        BadInput: a share is not positive, or there is none.
    """
    if not shares or any(not share > 0 for share in shares.values()) or any(not name for name in shares):
        raise BadInput("Splits need names and shares above 0, for example dev=0.8 test=0.2.")
    total = sum(shares.values())
    made: list[Case] = []
    for case in cases:
        at = int.from_bytes(hashlib.sha256(case.input.encode()).digest()[:8]) / 2**64 * total
        chosen = ""
        for name, share in shares.items():
            chosen = name
            if at < share:
                break
            at -= share
        made.append(replace(case, metadata={**case.metadata, SPLIT: chosen}))
    return made


def tag(
    engine: sa.Engine, *, actor: str, name: str, version: int, tag: str, reason: str = ""
) -> DatasetVersion:
    """Call a version by a name of its own ("golden"); a tag that stands on another version moves.

    Raises:
        NotFound: there is no such version.
        BadInput: the tag is empty, too long or a number.
    """
    tag = tag.strip()
    if not tag or len(tag) > MAX_TAG_LENGTH or not tag.isprintable() or tag.removeprefix("v").isdigit():
        raise BadInput(
            f"A tag is 1 to {MAX_TAG_LENGTH} printable characters and no number, for example golden."
        )
    with writing(engine) as connection:
        found = datasets.get_version(connection, name, version)
        before = tags(connection, name).get(tag)
        values = {"version": version, "created_by": actor, "created_at": now()}
        connection.execute(
            insert(connection, dataset_tag)
            .values(dataset=name, tag=tag, **values)
            .on_conflict_do_update(index_elements=["dataset", "tag"], set_=values)
        )
        audit.record(
            connection,
            actor=actor,
            action="dataset.tag",
            subject=name,
            reason=reason,
            before={"tag": tag, "version": before} if before else None,
            after={"tag": tag, "version": version},
        )
        return found


def tags(connection: sa.Connection, name: str) -> dict[str, int]:
    """Tag -> version."""
    query = sa.select(dataset_tag.c.tag, dataset_tag.c.version).where(dataset_tag.c.dataset == name)
    return {row.tag: row.version for row in connection.execute(query.order_by(dataset_tag.c.tag))}


def located(connection: sa.Connection, said: str) -> DatasetVersion:
    """The version that NAME, NAME@3, NAME@v3 or NAME@TAG means; the newest for NAME alone.

    Raises:
        NotFound: there is no such dataset, version or tag.
    """
    name, at, version = said.rpartition("@")
    known = {one.dataset for one in datasets.list_datasets(connection)} if at else set()
    if not at or said in known:
        return datasets.get_version(connection, said)
    if version.removeprefix("v").isdecimal():
        return datasets.get_version(connection, name, int(version.removeprefix("v")))
    datasets.get_version(connection, name)
    return datasets.get_version(connection, name, tagged(connection, name, version))


def tagged(connection: sa.Connection, name: str, tag: str) -> int:
    """The version a tag stands on.

    Raises:
        NotFound: there is no such tag.
    """
    known = tags(connection, name)
    if tag not in known:
        shown = f"; there are: {', '.join(known)}" if known else ""
        raise NotFound(f"Dataset {name} has no tag '{tag}'{shown}.")
    return known[tag]
