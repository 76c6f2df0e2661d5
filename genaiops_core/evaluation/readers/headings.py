"""Names of columns for each field of a test case: of other tools, and in the languages of spreadsheets.

Case, accents, spaces and punctuation do not matter; see `columns.normalise_name`.
"""

from __future__ import annotations

from collections.abc import Mapping

TOOL_NAMES: dict[str, tuple[str, ...]] = {
    "input": (
        *("input", "question", "query", "user_input", "user_query", "user_question", "user_prompt", "prompt"),
        *("inputs", "message", "user_message", "question_text", "instruction", "previous_turn", "problem"),
        *("messages", "conversations", "conversation", "scenario", "turns", "vars", "request"),
    ),
    "answer": (
        *("answer", "response", "generated_answer", "actual_output", "output", "model_answer"),
        *("model_output", "model_response", "generated_response", "prediction", "completion"),
        *("chatgpt_response", "generated_text", "actual_answer", "llm_response", "llm_output", "outputs"),
    ),
    "contexts": (
        *("contexts", "retrieved_contexts", "retrieval_context", "retrieved_context", "context", "documents"),
        *("document", "passages", "passage", "knowledge", "evidence", "source_documents"),
        *("retrieved_documents", "retrieved_docs", "docs", "chunks", "retrieved_chunks", "ctxs"),
        *("reference_contexts", "reference_context"),
        *("retrieved_passages", "context_documents", "search_results", "chunk", "doc", "ctx"),
    ),
    "reference": (
        *("reference", "ground_truth", "expected_answer", "expected_output", "expected", "reference_answer"),
        *("ground_truths", "ground_truth_answer", "truth", "target", "gt_answer", "gold_answer", "ideal"),
        *("correct_answer", "golden_answer", "expected_response", "reference_output", "reference_outputs"),
        *("ideal_answer", "gold", "best_answer", "expected_outcome", "golden_answers", "gold_answers"),
        *("reference_answers", "correct_answers", "possible_answers", "answers", "gt"),
        *("reference_response", "reference_responses", "expectations", "expected_outputs"),
    ),
    "metadata": ("metadata", "meta"),
}
"""Names that tools use, most specific first."""

LANGUAGE_NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "German": {
        "input": ("Frage", "Fragen", "Nutzerfrage", "Benutzerfrage", "Eingabe", "Anfrage", "Fragestellung"),
        "answer": (
            *(
                "Antwort",
                "Modellantwort",
                "Generierte Antwort",
                "Tatsächliche Antwort",
                "Ausgabe",
                "Systemantwort",
            ),
            *("KI-Antwort", "Antwort des Modells", "Ist-Antwort"),
        ),
        "contexts": (
            *(
                "Kontext",
                "Kontexte",
                "Dokument",
                "Dokumente",
                "Quelltext",
                "Textstelle",
                "Textstellen",
                "Fundstelle",
            ),
            *(
                "Fundstellen",
                "Passage",
                "Passagen",
                "Abgerufener Kontext",
                "Gefundener Kontext",
                "Belegstelle",
            ),
        ),
        "reference": (
            *(
                "Erwartete Antwort",
                "Referenz",
                "Referenzantwort",
                "Musterantwort",
                "Richtige Antwort",
                "Sollantwort",
            ),
            *(
                "Musterlösung",
                "Musterloesung",
                "Korrekte Antwort",
                "Erwartetes Ergebnis",
                "Erwartete Ausgabe",
                "Lösung",
            ),
            *("Loesung", "Soll-Antwort", "Goldantwort"),
        ),
        "metadata": ("Metadaten",),
    },
    "French": {
        "input": ("Question", "Questions", "Requête", "Entrée", "Demande", "Question utilisateur"),
        "answer": (
            *(
                "Réponse",
                "Réponse générée",
                "Réponse du modèle",
                "Réponse obtenue",
                "Sortie",
                "Réponse donnée",
            ),
            *("Réponse réelle",),
        ),
        "contexts": (
            *("Contexte", "Contextes", "Document", "Documents", "Extrait", "Extraits", "Passage", "Passages"),
            *("Contexte récupéré", "Sources documentaires"),
        ),
        "reference": (
            *("Réponse attendue", "Référence", "Réponse de référence", "Bonne réponse", "Réponse correcte"),
            *("Résultat attendu", "Vérité terrain", "Sortie attendue", "Réponse idéale", "Corrigé"),
        ),
        "metadata": ("Métadonnées",),
    },
    "Spanish": {
        "input": ("Pregunta", "Preguntas", "Consulta", "Entrada", "Pregunta del usuario"),
        "answer": (
            *("Respuesta", "Respuesta generada", "Respuesta del modelo", "Respuesta obtenida", "Salida"),
            *("Respuesta real",),
        ),
        "contexts": (
            *(
                "Contexto",
                "Contextos",
                "Documento",
                "Documentos",
                "Fragmento",
                "Fragmentos",
                "Pasaje",
                "Pasajes",
            ),
            *("Contexto recuperado",),
        ),
        "reference": (
            *("Respuesta esperada", "Referencia", "Respuesta de referencia", "Respuesta correcta"),
            *("Resultado esperado", "Salida esperada", "Respuesta ideal", "Verdad fundamental"),
        ),
        "metadata": ("Metadatos",),
    },
    "Portuguese": {
        "input": ("Pergunta", "Perguntas", "Questão", "Consulta", "Entrada", "Pergunta do usuário"),
        "answer": (
            *(
                "Resposta",
                "Resposta gerada",
                "Resposta do modelo",
                "Resposta obtida",
                "Saída",
                "Resposta real",
            ),
        ),
        "contexts": (
            *(
                "Contexto",
                "Contextos",
                "Documento",
                "Documentos",
                "Trecho",
                "Trechos",
                "Passagem",
                "Passagens",
            ),
            *("Contexto recuperado",),
        ),
        "reference": (
            *("Resposta esperada", "Referência", "Resposta de referência", "Resposta correta", "Gabarito"),
            *("Resultado esperado", "Saída esperada", "Resposta ideal"),
        ),
        "metadata": ("Metadados",),
    },
    "Italian": {
        "input": ("Domanda", "Domande", "Richiesta", "Quesito", "Domanda utente", "Ingresso"),
        "answer": (
            *(
                "Risposta",
                "Risposta generata",
                "Risposta del modello",
                "Risposta ottenuta",
                "Risposta effettiva",
            ),
            *("Uscita",),
        ),
        "contexts": (
            *("Contesto", "Contesti", "Documento", "Documenti", "Brano", "Brani", "Estratto", "Estratti"),
            *("Contesto recuperato", "Passaggio", "Passaggi"),
        ),
        "reference": (
            *("Risposta attesa", "Riferimento", "Risposta di riferimento", "Risposta corretta", "Soluzione"),
            *("Risultato atteso", "Risposta prevista", "Risposta ideale", "Risposta esatta"),
        ),
        "metadata": ("Metadati",),
    },
    "Japanese": {
        "input": (
            "質問",
            "質問文",
            "問い",
            "設問",
            "入力",
            "ユーザー入力",
            "ユーザーの質問",
            "クエリ",
            "問題",
        ),
        "answer": (
            "回答",
            "応答",
            "生成回答",
            "生成された回答",
            "モデルの回答",
            "出力",
            "モデル回答",
            "実際の回答",
            "返答",
        ),
        "contexts": (
            *(
                "コンテキスト",
                "コンテクスト",
                "文脈",
                "参照文書",
                "文書",
                "ドキュメント",
                "検索結果",
                "根拠",
                "参考文書",
            ),
            *("取得コンテキスト", "関連文書"),
        ),
        "reference": (
            *(
                "正解",
                "期待される回答",
                "期待回答",
                "模範解答",
                "模範回答",
                "正答",
                "参照回答",
                "期待する回答",
                "想定回答",
            ),
            *("正解データ", "期待値", "期待出力", "想定解答", "リファレンス"),
        ),
        "metadata": ("メタデータ",),
    },
    "Chinese": {
        "input": (
            *(
                "问题",
                "提问",
                "用户问题",
                "查询",
                "输入",
                "用户输入",
                "問題",
                "提問",
                "使用者問題",
                "查詢",
                "輸入",
            ),
            *("用戶問題",),
        ),
        "answer": (
            *(
                "答案",
                "回答",
                "回复",
                "模型回答",
                "生成答案",
                "实际回答",
                "输出",
                "模型输出",
                "回覆",
                "實際回答",
                "輸出",
            ),
            *("生成的答案", "生成回答"),
        ),
        "contexts": (
            *(
                "上下文",
                "文档",
                "检索内容",
                "参考文档",
                "检索上下文",
                "背景",
                "资料",
                "上下文內容",
                "文件",
                "檢索內容",
            ),
            *("检索结果", "參考文件", "知识", "段落"),
        ),
        "reference": (
            *(
                "参考答案",
                "标准答案",
                "期望答案",
                "正确答案",
                "预期答案",
                "预期输出",
                "期望输出",
                "參考答案",
                "標準答案",
            ),
            *("正確答案", "預期答案", "期望回答", "参考回答"),
        ),
        "metadata": ("元数据", "元資料", "中繼資料"),
    },
    "Korean": {
        "input": ("질문", "사용자 질문", "문의", "입력", "쿼리", "문제", "질의"),
        "answer": ("답변", "응답", "생성 답변", "생성된 답변", "모델 답변", "모델 응답", "출력", "실제 답변"),
        "contexts": (
            *(
                "컨텍스트",
                "문맥",
                "맥락",
                "문서",
                "참고 문서",
                "검색 결과",
                "근거",
                "참조 문서",
                "검색된 문서",
                "검색 문맥",
            ),
            *("관련 문서",),
        ),
        "reference": (
            *(
                "정답",
                "기대 답변",
                "예상 답변",
                "모범 답안",
                "참조 답변",
                "기준 답변",
                "기대 응답",
                "모범 답변",
                "기대 출력",
            ),
            *("예상 정답", "올바른 답변"),
        ),
        "metadata": ("메타데이터",),
    },
}
"""Language -> field -> headings of spreadsheets."""


def merge_names() -> Mapping[str, tuple[str, ...]]:
    """Merge the names of each field: those of tools take precedence over those of spreadsheets."""
    return {
        field: (*names, *(name for language in LANGUAGE_NAMES.values() for name in language.get(field, ())))
        for field, names in TOOL_NAMES.items()
    }
