"""RAGAS's own `evaluate()` on the cases of the benchmark, in a separate process; prints the seconds and the results.

    python -m benchmarks.ragas_evaluate SUITE.jsonl BASE_URL CONCURRENCY [local]

With `local` the embeddings are computed here without latency, because RAGAS requests them one at a time and blocks the run.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

MODEL = "judge-model"


def main() -> None:
    suite, base_url, concurrency = sys.argv[1:4]
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"
    os.environ["OPENAI_API_KEY"] = "none"
    warnings.simplefilter("ignore")
    from langchain_openai import OpenAIEmbeddings
    from openai import AsyncOpenAI
    from ragas import EvaluationDataset, evaluate
    from ragas.embeddings import LangchainEmbeddingsWrapper
    from ragas.llms import llm_factory
    from ragas.metrics import (
        Faithfulness,
        LLMContextPrecisionWithReference,
        LLMContextRecall,
        ResponseRelevancy,
    )
    from ragas.run_config import RunConfig

    embeddings: Any
    if sys.argv[4:] == ["local"]:
        embeddings = LangchainEmbeddingsWrapper(_local())
    else:
        embeddings = LangchainEmbeddingsWrapper(
            OpenAIEmbeddings(  # type: ignore[call-arg]
                model="embedder", base_url=base_url, api_key="none", check_embedding_ctx_length=False
            )
        )
    dataset = EvaluationDataset.from_list(list(_cases(Path(suite))))
    llm = llm_factory(MODEL, client=AsyncOpenAI(base_url=base_url, api_key="none"))
    metrics = [
        Faithfulness(),
        ResponseRelevancy(strictness=1),
        LLMContextPrecisionWithReference(),
        LLMContextRecall(),
    ]
    started = time.perf_counter()
    result: Any = evaluate(
        dataset,
        metrics=metrics,
        llm=llm,  # type: ignore[arg-type]
        embeddings=embeddings,
        run_config=RunConfig(max_workers=int(concurrency)),
        show_progress=False,
    )
    took_s = time.perf_counter() - started
    rows = result.to_pandas()
    values = rows.select_dtypes("number")
    print(json.dumps({"took_s": took_s, "values": int(values.notna().sum().sum()), "of": int(values.size)}))


def _cases(suite: Path) -> Any:
    for line in suite.read_text().splitlines():
        case = json.loads(line)
        yield {
            "user_input": case["question"],
            "response": case["answer"],
            "retrieved_contexts": case["contexts"],
            "reference": case["reference"],
        }


def _local() -> Any:
    from langchain_core.embeddings import Embeddings

    from tests.judge_server import embedding

    class Local(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [embedding(text) for text in texts]

        def embed_query(self, text: str) -> list[float]:
            return embedding(text)

    return Local()


if __name__ == "__main__":
    main()
