"""The three demo applications: components, users, history and the behaviour of each release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from genaiops_core.demo import knowledge
from genaiops_core.demo.knowledge import Topic

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "amazon.nova-pro-v1:0"
ENVIRONMENT = "production"
JUDGE = "demo"
"""Judge of demo scores; its name shows that the scores are random numbers."""

METRICS = ("faithfulness", "answer_relevancy", "context_precision")


@dataclass(frozen=True, kw_only=True)
class ReleaseProfile:
    """Behaviour of a release in traffic; shares are in [0, 1]."""

    release: str
    model: str
    prompt_version: int
    prompt_text: str
    top_k: int = 4
    """Number of documents in the prompt."""
    quality: tuple[float, float, float] = (0.92, 0.91, 0.86)
    """Mean score of each of METRICS at the start of the release."""
    quality_drift: float = 0.0
    """Added to every mean by the end of the release's phase."""
    error_share: float = 0.009
    latency_factor: float = 1.0
    unsupported_share: float = 0.03
    """Share of answers with a sentence that no passage supports."""
    notes: str = ""
    outcome: Literal["routed", "approved", "pending"] = "routed"
    """Whether it took traffic; otherwise an operator has yet to approve or start it."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """Stable release and canary from `from_days_ago` until the next phase."""

    from_days_ago: float
    stable: str
    canary: str = ""
    percent: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ApplicationProfile:
    """A demo application: pipeline, users and history."""

    application: str
    title: str
    prompt_name: str
    system_prompt: str
    topics: tuple[Topic, ...]
    components: tuple[str, ...]
    """Kinds of spans under the root, in order."""
    releases: tuple[ReleaseProfile, ...]
    phases: tuple[Phase, ...]
    users: int
    requests_per_day: int
    """Requests per working day in the past."""
    recent_requests: int
    """Requests in the last 24 hours, so that short windows have points."""

    def release(self, name: str) -> ReleaseProfile:
        return next(each for each in self.releases if each.release == name)


SUPPORT_AGENT = ApplicationProfile(
    application="support-agent",
    title="answers customers of an online shop",
    prompt_name="support-answer",
    system_prompt="You are the support assistant of Northwind. Answer only from the passages given.",
    topics=knowledge.SUPPORT,
    components=(
        "guardrail",
        "rewriting",
        "retrieval",
        "reranking",
        "prompt",
        "generation",
        "output_guardrail",
    ),
    releases=(
        ReleaseProfile(
            release="v12",
            model=NOVA,
            prompt_version=1,
            prompt_text="Answer the customer's question from the passages.\n\n{passages}\n\nQuestion: {question}",
            quality=(0.88, 0.86, 0.82),
            unsupported_share=0.12,
            notes="First release on Bedrock.",
        ),
        ReleaseProfile(
            release="v13",
            model=NOVA,
            prompt_version=2,
            prompt_text="Answer the customer's question only from the passages. If they do not say it, say so.\n\n"
            "{passages}\n\nQuestion: {question}",
            quality=(0.90, 0.88, 0.83),
            unsupported_share=0.08,
            notes="The prompt allows to say that the passages do not answer.",
        ),
        ReleaseProfile(
            release="v14",
            model=CLAUDE,
            prompt_version=2,
            prompt_text="Answer the customer's question only from the passages. If they do not say it, say so.\n\n"
            "{passages}\n\nQuestion: {question}",
            quality=(0.94, 0.92, 0.87),
            notes="Same prompt on another model.",
        ),
        ReleaseProfile(
            release="v15",
            model=CLAUDE,
            prompt_version=3,
            prompt_text="Use the passages and what you know to give the customer a complete answer.\n\n"
            "{passages}\n\nQuestion: {question}",
            top_k=8,
            quality=(0.90, 0.90, 0.84),
            quality_drift=-0.07,
            error_share=0.03,
            latency_factor=1.55,
            unsupported_share=0.6,
            notes="Longer answers: twice the passages, and the model may add what it knows.",
        ),
    ),
    phases=(
        Phase(from_days_ago=31, stable="v12"),
        Phase(from_days_ago=22, stable="v12", canary="v13", percent=20),
        Phase(from_days_ago=20, stable="v13"),
        Phase(from_days_ago=9, stable="v13", canary="v14", percent=25),
        Phase(from_days_ago=7, stable="v14"),
        Phase(from_days_ago=1.0, stable="v14", canary="v15", percent=10),
        Phase(from_days_ago=0.75, stable="v14", canary="v15", percent=25),
    ),
    users=1500,
    requests_per_day=240,
    recent_requests=700,
)

POLICY_SEARCH = ApplicationProfile(
    application="policy-search",
    title="finds answers in the employee handbook",
    prompt_name="handbook-answer",
    system_prompt="You search the employee handbook. Quote the rule you rely on.",
    topics=knowledge.POLICY,
    components=("expansion", "retrieval", "reranking", "prompt", "generation"),
    releases=(
        ReleaseProfile(
            release="v6",
            model=NOVA,
            prompt_version=1,
            prompt_text="Find the rule in the passages and quote it.\n\n{passages}\n\nQuestion: {question}",
            quality=(0.87, 0.88, 0.80),
            unsupported_share=0.1,
        ),
        ReleaseProfile(
            release="v7",
            model=NOVA,
            prompt_version=2,
            prompt_text="Quote the rule from the passages, then say in one sentence what it means.\n\n"
            "{passages}\n\nQuestion: {question}",
            quality=(0.91, 0.90, 0.84),
            notes="Rule first, then what it means.",
        ),
        ReleaseProfile(
            release="v8",
            model=CLAUDE,
            prompt_version=2,
            prompt_text="Quote the rule from the passages, then say in one sentence what it means.\n\n"
            "{passages}\n\nQuestion: {question}",
            notes="Same prompt on another model; better on questions about two rules at once.",
            outcome="pending",
        ),
    ),
    phases=(
        Phase(from_days_ago=31, stable="v6"),
        Phase(from_days_ago=17, stable="v6", canary="v7", percent=30),
        Phase(from_days_ago=15, stable="v7"),
    ),
    users=900,
    requests_per_day=130,
    recent_requests=260,
)

CLAIMS_SUMMARIZER = ApplicationProfile(
    application="claims-summarizer",
    title="summarizes insurance claims for adjusters",
    prompt_name="claim-summary",
    system_prompt="You summarize insurance claims for adjusters. Amounts and dates must be exact.",
    topics=knowledge.CLAIMS,
    components=("retrieval", "prompt", "generation", "output_guardrail"),
    releases=(
        ReleaseProfile(
            release="v3",
            model=CLAUDE,
            prompt_version=1,
            prompt_text="Summarize the claim in three sentences with exact amounts.\n\n{passages}\n\nTask: {question}",
            quality=(0.95, 0.91, 0.90),
            latency_factor=1.2,
        ),
        ReleaseProfile(
            release="v4",
            model=NOVA,
            prompt_version=2,
            prompt_text="Summarize the claim briefly.\n\n{passages}\n\nTask: {question}",
            quality=(0.62, 0.70, 0.74),
            error_share=0.01,
            unsupported_share=0.6,
            notes="Cheaper model and a shorter prompt.",
        ),
        ReleaseProfile(
            release="v5",
            model=NOVA,
            prompt_version=1,
            prompt_text="Summarize the claim in three sentences with exact amounts.\n\n{passages}\n\nTask: {question}",
            notes="Cheaper model with the proven prompt.",
            outcome="approved",
        ),
    ),
    phases=(
        Phase(from_days_ago=31, stable="v3"),
        Phase(from_days_ago=12, stable="v3", canary="v4", percent=30),
        Phase(from_days_ago=9, stable="v3"),
    ),
    users=300,
    requests_per_day=90,
    recent_requests=180,
)

APPLICATIONS = (SUPPORT_AGENT, POLICY_SEARCH, CLAIMS_SUMMARIZER)
NAMES = tuple(profile.application for profile in APPLICATIONS)
