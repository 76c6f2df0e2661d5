"""A registered release as the target of an evaluation."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from genaiops_core.evaluation.targets.release_target import ReleasePrompt, build_release_spec
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
    manifest_release = releases.get_release(connection, application, release)
    references = [(reference["name"], reference["version"]) for reference in manifest_release.prompts]
    texts = prompts.resolve(connection, application, references)
    spec = build_release_spec(
        name=manifest_release.name,
        model=manifest_release.model,
        prompts=[
            ReleasePrompt(prompt_version.name, prompt_version.version, prompt_version.text)
            for prompt_version in texts
        ],
        parameters=manifest_release.parameters,
        code_revision=manifest_release.code_revision,
        data_snapshot=manifest_release.data_snapshot,
        prompt=prompt,
    )
    return spec.as_json()
