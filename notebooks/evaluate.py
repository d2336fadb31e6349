# %% [markdown]
# # 3. Is it better, and would you have known?
#
# BM25, the base, the tuned model and what is made of them, on queries about people that no training
# query was about, and on 160 queries that people wrote and graded by hand.
#
# Run [finetune.ipynb](finetune.ipynb) first. From the command line: `cvseeker evaluate`.

# %%
import json

import altair
import vl_convert
from IPython.display import Image, Markdown

from cvseeker import Workspace, demo_judgements

# %% [markdown]
# **The line to change.** To compare with OpenAI's embeddings: `OPENAI = ["text-embedding-3-large"]`.
# That sends every passage and every query to OpenAI, as they are; what it costs is printed first, and
# nothing is paid for twice. Other models: `MODELS = {"theirs": "path/to/model"}`. Without hand-written
# queries: `JUDGEMENTS = None`.

# %%
OPENAI: list[str] = []
MODELS: dict[str, str] = {}
JUDGEMENTS = demo_judgements()
workspace = Workspace("workspace")

# %%
evaluation = workspace.evaluate(judgements=JUDGEMENTS, openai=OPENAI, models=MODELS, announce=print)
Markdown(f"> {evaluation.decided[-1]}")

# %% [markdown]
# The base's vectors, the best of its windows for each query; late interaction, which compares word by
# word; and the search that people get: BM25, vectors and late interaction fused.

# %%
NAMES = {
    "bm25": "BM25",
    "base": "base",
    "late(base)": "base, late interaction",
    "hybrid(base)": "search, untuned",
    "tuned": "tuned",
    "late(tuned)": "tuned, late interaction",
    "hybrid(tuned)": "search, tuned",
}
metrics = workspace.metrics()
chosen = "handwritten" if JUDGEMENTS else "test"
systems = metrics[chosen]["systems"] if JUDGEMENTS else metrics["systems"]

# %%
shown = ["accuracy@1", "hit_rate@5", "recall@10", "mrr@10", "ndcg@10"]
lines = [
    f"| {NAMES.get(name, name)} | " + " | ".join(f"{values[metric]:.3f}" for metric in shown) + " |"
    for name, values in systems.items()
]
Markdown("\n".join([f"| | {' | '.join(shown)} |", f"|---|{'---:|' * len(shown)}", *lines]))

# %% [markdown]
# ## How sure is that?
#
# Intervals of 95 %, queries about one person resampled together:

# %%
analysis = json.loads((workspace.path / "evaluation" / "analysis.json").read_text("utf-8"))[chosen]
rows = [
    {**row, "name": NAMES.get(row["system"], row["system"])}
    for row in analysis["significance"]["systems"]
]
base = altair.Chart(altair.Data(values=rows), width=480).encode(
    y=altair.Y("name:N", sort=[row["name"] for row in rows], title=None)
)
scale = altair.Scale(zero=False)
points = base.mark_point(filled=True, size=80, color="#2b7bba").encode(
    x=altair.X("mean:Q", title="nDCG@10", scale=scale)
)
ranges = base.mark_rule(strokeWidth=3, color="#2b7bba", opacity=0.5).encode(x="low:Q", x2="high:Q")
Image(vl_convert.vegalite_to_png((ranges + points).to_dict(), scale=2), width=640)

# %% [markdown]
# Overlapping intervals may still differ query by query. Every pair is tested, and the p-values are
# corrected for their number (Holm). What can't be told apart stands in one line:

# %%
for group in analysis["significance"]["tie_groups"]:
    print(" = ".join(NAMES.get(name, name) for name in group))

# %% [markdown]
# ## Where does the gain come from?

# %%
lines = []
for part in (analysis["slices"][key] for key in ("kind", "overlap") if key in analysis["slices"]):
    lines.append(f"| **{part['title']}** | | | | |")
    for row in part["rows"]:
        means, gain = row["means"], row["gain"]
        better = {"better": "yes", "worse": "no, worse", "within noise": "no evidence"}[
            gain["outcome"]
        ]
        lines.append(
            f"| {row['name'].replace('_', ' ')} ({row['queries']}) | {means['bm25']:.3f} | "
            f"{means['base']:.3f} | {means['tuned']:.3f} | {better} |"
        )
Markdown(
    "\n".join(["| queries | BM25 | base | tuned | better? |", "|---|---:|---:|---:|---|", *lines])
)

# %% [markdown]
# ## What flatters the figures?

# %%
lines = [
    f"| {name.replace('_', ' ')} | {found['count']} | {found['of']} |"
    for name, found in analysis["leakage"].items()
]
Markdown("\n".join(["| looked for | found | among |", "|---|---:|---:|", *lines]))

# %% [markdown]
# All of it, with every query's rank before and after and a map of queries and résumés, stands in
# `workspace/evaluation/report.html`, which needs no network. Search with it:
# `cvseeker search -w workspace "icu nurse, night shifts"`.
