"""Differences between versions of a dataset, and changes: edit, split, tag."""

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
from genaiops_core.evaluation.datasets import catalogue
from genaiops_core.evaluation.datasets.case import FIELDS, Case
from genaiops_core.evaluation.datasets.versions import DatasetVersion

SPLIT = "split"
"""Metadata key of a case for the name of its split, as in Hugging Face datasets."""

MAX_TAG_LENGTH = 100


class FieldChange(NamedTuple):
    """One value of a case that differs between two versions."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, kw_only=True)
class CaseChange:
    """A case with the same input in both versions and other values that differ."""

    before: Case
    after: Case

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that differ."""
        old, new = self.before.as_json(), self.after.as_json()
        return tuple(name for name in FIELDS if old[name] != new[name])

    @property
    def differences(self) -> tuple[FieldChange, ...]:
        """The values that differ; metadata key by key, as `metadata.split`."""
        old, new = self.before.as_json(), self.after.as_json()
        changes = [FieldChange(name, old[name], new[name]) for name in self.fields if name != "metadata"]
        old_metadata, new_metadata = old["metadata"], new["metadata"]
        changes += [
            FieldChange(f"metadata.{key}", old_metadata.get(key), new_metadata.get(key))
            for key in dict.fromkeys((*old_metadata, *new_metadata))
            if old_metadata.get(key) != new_metadata.get(key)
        ]
        return tuple(changes)


@dataclass(frozen=True, kw_only=True)
class VersionDiff:
    """The difference between two versions; cases are matched by input."""

    added: tuple[Case, ...]
    removed: tuple[Case, ...]
    changed: tuple[CaseChange, ...]
    unchanged: int


def diff_cases(before: Sequence[Case], after: Sequence[Case]) -> VersionDiff:
    """Compare two lists of cases by input; repeated inputs are matched in order, equal cases first."""
    unmatched: dict[str, list[Case]] = defaultdict(list)
    for case in before:
        unmatched[case.input].append(case)
    unequal: list[Case] = []
    for case in after:
        # Equal cases are matched first, so that repeated inputs do not appear as changes of each other.
        if case in unmatched[case.input]:
            unmatched[case.input].remove(case)
        else:
            unequal.append(case)
    unchanged = len(after) - len(unequal)
    changed: list[CaseChange] = []
    added: list[Case] = []
    for case in unequal:
        if unmatched[case.input]:
            changed.append(CaseChange(before=unmatched[case.input].pop(0), after=case))
        else:
            added.append(case)
    removed = tuple(case for leftover_cases in unmatched.values() for case in leftover_cases)
    return VersionDiff(added=tuple(added), removed=removed, changed=tuple(changed), unchanged=unchanged)


def diff_versions(connection: sa.Connection, name: str, before: int, after: int) -> VersionDiff:
    """Compare two versions of a dataset.

    Raises:
        NotFound: the dataset or version does not exist.
    """
    case_lists = []
    for version in (before, after):
        catalogue.get_version(connection, name, version)
        case_lists.append([case for _number, case in catalogue.list_cases(connection, name, version)])
    return diff_cases(case_lists[0], case_lists[1])


def edit_version(
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
    """Store an edited version as the next version.

    Args:
        version: the version that is edited.
        changed: case number -> the new case, or None to remove the case.
        added: cases to append.
        reason: for the audit log.
        action: recorded in the audit log.
        source: recorded in the version; '' names the version it was edited from.

    Raises:
        NotFound: the version does not exist, or does not contain a case of `changed`.
        BadInput: no case remains, or a case has no input.
    """
    with reading(engine) as connection:
        catalogue.get_version(connection, name, version)
        old_cases = catalogue.list_cases(connection, name, version)
    if unknown := sorted(set(changed) - {number for number, _case in old_cases}):
        raise NotFound(f"Dataset {name} version {version} has no case {unknown[0]}.")
    edited_cases = [changed.get(number, case) for number, case in old_cases]
    new_cases = [case for case in (*edited_cases, *added) if case is not None]
    if any(not case.input.strip() for case in new_cases):
        raise BadInput("A case requires an input; fill it in or remove the row.")
    if not new_cases:
        raise BadInput("No case would remain; keep at least one case, or delete the dataset.")
    return catalogue.add_cases(
        engine,
        actor=actor,
        name=name,
        cases=new_cases,
        source=source or f"edited from version {version}",
        reason=reason,
        action=action,
    )


def split_version(
    engine: sa.Engine, *, actor: str, name: str, version: int, shares: Mapping[str, float], reason: str = ""
) -> DatasetVersion:
    """Store the next version, in which every case names its split.

    Raises:
        NotFound: the version does not exist.
        BadInput: the shares are invalid.
    """
    with reading(engine) as connection:
        catalogue.get_version(connection, name, version)
        old_cases = [case for _number, case in catalogue.list_cases(connection, name, version)]
    split_cases = assign_splits(old_cases, shares)
    source = f"split from version {version}"
    return catalogue.add_cases(
        engine,
        actor=actor,
        name=name,
        cases=split_cases,
        source=source,
        reason=reason,
        action="dataset.split",
    )


def parse_shares(text: str) -> dict[str, float]:
    """Parse `dev=80 test=20` (or with commas) into shares by name.

    Raises:
        BadInput: a part is not NAME=NUMBER, or a name is repeated.
    """
    shares: dict[str, float] = {}
    for part in text.replace(",", " ").split():
        name, _, number = part.partition("=")
        try:
            share = float(number)
        except ValueError:
            share = 0.0
        if not name or name in shares or not 0 < share < float("inf"):
            raise BadInput(
                f"'{part}' is not a valid split; write NAME=SHARE with a share above 0, for example dev=80 test=20."
            )
        shares[name] = share
    return shares


def assign_splits(cases: Sequence[Case], shares: Mapping[str, float]) -> list[Case]:
    """Assign every case to a split, recorded in its metadata.

    The split depends on the hash of the input alone: cases added later do not move the others, and equal inputs are
    always in the same split.

    Raises:
        BadInput: there is no share, or a share is not positive.
    """
    if not shares or any(not share > 0 for share in shares.values()) or any(not name for name in shares):
        raise BadInput("Splits require names and shares above 0, for example dev=0.8 test=0.2.")
    total = sum(shares.values())
    split_cases: list[Case] = []
    for case in cases:
        # 64 bits of the hash, scaled to [0, total), as in a bucketed split.
        position = int.from_bytes(hashlib.sha256(case.input.encode()).digest()[:8]) / 2**64 * total
        split_name = ""
        for name, share in shares.items():
            split_name = name
            # The last split also takes what rounding leaves over.
            if position < share:
                break
            position -= share
        split_cases.append(replace(case, metadata={**case.metadata, SPLIT: split_name}))
    return split_cases


def tag_version(
    engine: sa.Engine, *, actor: str, name: str, version: int, tag: str, reason: str = ""
) -> DatasetVersion:
    """Add a tag such as "golden" to a version; a tag of another version moves.

    Raises:
        NotFound: the version does not exist.
        BadInput: the tag is empty, too long or a number.
    """
    tag = tag.strip()
    # NAME@3 and NAME@v3 name versions, so a tag must not look like one.
    if not tag or len(tag) > MAX_TAG_LENGTH or not tag.isprintable() or tag.removeprefix("v").isdigit():
        raise BadInput(
            f"A tag has 1 to {MAX_TAG_LENGTH} printable characters and is not a number, for example golden."
        )
    with writing(engine) as connection:
        tagged_version = catalogue.get_version(connection, name, version)
        before = list_tags(connection, name).get(tag)
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
        return tagged_version


def list_tags(connection: sa.Connection, name: str) -> dict[str, int]:
    """List the tags of a dataset: tag -> version."""
    query = sa.select(dataset_tag.c.tag, dataset_tag.c.version).where(dataset_tag.c.dataset == name)
    return {row.tag: row.version for row in connection.execute(query.order_by(dataset_tag.c.tag))}


def find_version(connection: sa.Connection, reference: str) -> DatasetVersion:
    """Find the version that NAME, NAME@3, NAME@v3 or NAME@TAG refers to; the newest for NAME alone.

    Raises:
        NotFound: the dataset, version or tag does not exist.
    """
    name, separator, version = reference.rpartition("@")
    # A dataset name may itself contain "@", so an existing name takes precedence.
    known_names = {dataset.dataset for dataset in catalogue.list_datasets(connection)} if separator else set()
    if not separator or reference in known_names:
        return catalogue.get_version(connection, reference)
    if version.removeprefix("v").isdecimal():
        return catalogue.get_version(connection, name, int(version.removeprefix("v")))
    catalogue.get_version(connection, name)
    return catalogue.get_version(connection, name, find_tagged_version(connection, name, version))


def find_tagged_version(connection: sa.Connection, name: str, tag: str) -> int:
    """Find the version that has a tag.

    Raises:
        NotFound: no version has the tag.
    """
    tags = list_tags(connection, name)
    if tag not in tags:
        hint = f"; there are: {', '.join(tags)}" if tags else ""
        raise NotFound(f"Dataset {name} has no tag '{tag}'{hint}.")
    return tags[tag]
