"""Terms of evaluation explained once, as the help text of the widget where a newcomer first meets them."""

GATE = (
    "A gate compares the whole 95 % interval of a metric with a threshold. Passed: the interval meets it entirely. "
    "Failed: entirely beyond it. Inconclusive: the interval includes the threshold; add cases."
)
INTERVAL = "The 95 % interval: the range of means that these cases support. More cases make it narrower."
JUDGE = (
    "The judge computes the scores: offline proxies without any model, or a model that grades each answer."
)
PROXY = "A proxy: a cheap stand-in that counts common words; it does not measure faithfulness."
RUBRIC = "A rubric is a metric in plain words: a prompt and a scale from which a model chooses a label for each answer."
