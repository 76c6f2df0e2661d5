"""Registering and approving releases, on both databases."""

import pytest
import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.access import audit
from genaiops_core.errors import BadInput, Conflict, NotAllowed, NotFound
from genaiops_core.releases import approvals, prompts, releases
from tests.integration.operating import APP


def create(engine: sa.Engine, release: str = "v1", **manifest: object) -> releases.Release:
    return releases.create(engine, actor="ada", application=APP, release=release, **manifest)  # type: ignore[arg-type]


def test_a_release_reads_back_as_registered(engine: sa.Engine) -> None:
    for name in ("zeta", "alpha"):
        prompts.add(engine, actor="ada", application=APP, name=name, text=f"Text of {name}.")
    created = create(
        engine,
        model="anthropic.claude-sonnet-4-5",
        prompts=["zeta@1", "alpha@1"],
        code_revision="9f2c1e",
        data_snapshot="docs-2026-01",
        parameters={"top_k": 8, "temperature": 0.2},
        notes="Shorter answers.",
        reason="for the new index",
    )
    with reading(engine) as connection:
        assert releases.get_release(connection, APP, "v1") == created
        assert releases.list_releases(connection, APP, "candidate") == [created]
        assert releases.list_releases(connection, "other") == []
        (entry,) = audit.entries(connection, action="release")
    assert created.prompts == ({"name": "zeta", "version": 1}, {"name": "alpha", "version": 1})
    assert (entry.actor, entry.action, entry.subject, entry.reason) == (
        "ada",
        "release.create",
        f"{APP}/v1",
        "for the new index",
    )
    assert entry.before is None
    assert entry.after is not None
    assert entry.after["model"] == "anthropic.claude-sonnet-4-5"


def test_a_second_creation_of_a_release_is_a_conflict(engine: sa.Engine) -> None:
    create(engine, model="m-1")
    with pytest.raises(Conflict, match="registered already, with the same content"):
        create(engine, model="m-1")
    with pytest.raises(Conflict, match="exists with other content, and a release never changes"):
        create(engine, model="m-2")
    with reading(engine) as connection:
        assert releases.get_release(connection, APP, "v1").model == "m-1"
        assert len(audit.entries(connection)) == 1


def test_a_prompt_version_that_does_not_exist_is_named(engine: sa.Engine) -> None:
    with pytest.raises(NotFound, match="has no prompt version answer@2; add the prompt first"):
        create(engine, prompts=["answer@2"])
    prompts.add(engine, actor="ada", application=APP, name="answer", text="Answer.")
    with pytest.raises(NotFound, match="has no prompt version answer@2; it has answer@1"):
        create(engine, prompts=["answer@2"])


def test_the_same_prompt_text_is_the_same_version(engine: sa.Engine) -> None:
    versions = [
        prompts.add(engine, actor="ada", application=APP, name="answer", text=text).version
        for text in ("Answer.", "Answer briefly.", "Answer.")
    ]
    assert versions == [1, 2, 1]
    with reading(engine) as connection:
        assert [prompt.version for prompt in prompts.list_prompts(connection, APP)] == [2, 1]
        assert len(audit.entries(connection, action="prompt.add")) == 2
    with pytest.raises(BadInput, match="empty"):
        prompts.add(engine, actor="ada", application=APP, name="answer", text=" \n")


@pytest.mark.parametrize("approver", ["ada", "Ada", " ADA "])
def test_the_author_cannot_approve(engine: sa.Engine, approver: str) -> None:
    create(engine)
    approvals.request(engine, actor="bob", application=APP, release="v1")
    with pytest.raises(NotAllowed, match="created support-agent/v1 and cannot approve it"):
        approvals.approve(engine, actor=approver, application=APP, release="v1")
    with reading(engine) as connection:
        assert releases.get_release(connection, APP, "v1").state == "pending"


def test_the_requester_cannot_approve_either(engine: sa.Engine) -> None:
    create(engine)
    approvals.request(engine, actor="Bob", application=APP, release="v1")
    with pytest.raises(NotAllowed, match="requested approval"):
        approvals.approve(engine, actor="bob", application=APP, release="v1")


def test_approval_by_somebody_else(engine: sa.Engine) -> None:
    create(engine)
    approval_request = approvals.request(
        engine, actor="ada", application=APP, release="v1", reason="evaluation passed"
    )
    with reading(engine) as connection:
        assert approvals.pending(connection) == [approval_request]
    decided = approvals.approve(engine, actor="grace", application=APP, release="v1", reason="looks good")
    assert (decided.state, decided.decided_by, decided.decision_reason) == ("approved", "grace", "looks good")
    with reading(engine) as connection:
        assert approvals.pending(connection, APP) == []
        assert releases.get_release(connection, APP, "v1").state == "approved"
        (entry,) = audit.entries(connection, action="release.approve")
    assert (entry.before, entry.after) == ({"state": "pending"}, {"state": "approved"})


def test_a_rejection_needs_a_reason_and_allows_a_new_request(engine: sa.Engine) -> None:
    create(engine)
    approvals.request(engine, actor="ada", application=APP, release="v1")
    with pytest.raises(BadInput, match="A reason is required"):
        approvals.reject(engine, actor="grace", application=APP, release="v1", reason=" ")
    approvals.reject(engine, actor="grace", application=APP, release="v1", reason="no evaluation")
    with pytest.raises(Conflict, match="its state is 'rejected'"):
        approvals.approve(engine, actor="grace", application=APP, release="v1")
    approvals.request(engine, actor="ada", application=APP, release="v1", reason="evaluated now")
    approvals.approve(engine, actor="grace", application=APP, release="v1")
    with reading(engine) as connection:
        assert [approval.state for approval in approvals.history(connection, APP, "v1")] == [
            "approved",
            "rejected",
        ]


def test_a_candidate_cannot_be_approved_unasked(engine: sa.Engine) -> None:
    create(engine)
    with pytest.raises(Conflict, match="request its approval first"):
        approvals.approve(engine, actor="grace", application=APP, release="v1")


def test_a_release_nobody_registered(engine: sa.Engine) -> None:
    with pytest.raises(NotFound, match="no release is registered"):
        approvals.request(engine, actor="ada", application=APP, release="v1")
    create(engine, "v1")
    with pytest.raises(NotFound, match="has no release 'v2'; it has v1"):
        approvals.request(engine, actor="ada", application=APP, release="v2")


def test_a_refused_change_leaves_no_audit_entry(engine: sa.Engine) -> None:
    create(engine)
    with pytest.raises(BadInput, match="actor"):
        approvals.request(engine, actor=" ", application=APP, release="v1")
    with reading(engine) as connection:
        assert approvals.pending(connection) == []
        assert [entry.action for entry in audit.entries(connection)] == ["release.create"]
