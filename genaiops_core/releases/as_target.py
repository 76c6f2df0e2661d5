"""A registered release as the target of an evaluation."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from genaiops_core.evaluation.targets.release_target import ReleasePrompt, spec_of
from genaiops_core.releases import prompts, releases


def target_document(
    connection: sa.Connection, *, application: str, release: str, prompt: str = ""
) -> dict[str, Any]:
    """The document of a target that asks the release's model with its prompt and parameters.

    Args:
        connection: where releases and prompts are read.
        application, release: which release.
        prompt: which of its prompts, where it has several.

    Raises:
        NotFound: there is no such release.
        BadInput: it names no model, or it is not clear which prompt.
    """
    found = releases.get_release(connection, application, release)
    references = [(one["name"], one["version"]) for one in found.prompts]
    texts = prompts.resolve(connection, application, references)
    spec = spec_of(
        name=found.name,
        model=found.model,
        prompts=[ReleasePrompt(one.name, one.version, one.text) for one in texts],
        parameters=found.parameters,
        code_revision=found.code_revision,
        data_snapshot=found.data_snapshot,
        prompt=prompt,
    )
    return spec.as_json()
