# %% [markdown]
# # 3. Is it better, and would you have known?
#
# BM25, the base, the tuned model and what is made of them, on queries about people that no training
# query was about, and on 160 queries that people wrote and graded by hand.
#
# Run [finetune.ipynb](finetune.ipynb) first. From the command line: `cvseeker evaluate`.

# %%
from pathlib import Path

import altair
import vl_convert
from IPython.display import Image, Markdown

from cvseeker.core.files import read_json
from cvseeker.core.settings import Settings
from cvseeker.core.workspace import Workspace
from cvseeker.evaluate import Systems, evaluate_stage
from cvseeker.evaluate.compare import display_name
from cvseeker.examples.demonstration import demo_judgements
from cvseeker.retrieval.models import keep_libraries_quiet

keep_libraries_quiet()

# %% [markdown]
# **The line to change.** To compare with OpenAI's embeddings:
# `SYSTEMS = Systems(remote=["text-embedding-3-large"])`. That sends every passage and every query
# to OpenAI, as they are; what it costs is printed first, and nothing is paid for twice. Other models:
# `Systems({"theirs": "path/to/model"})`. Without hand-written queries: `JUDGEMENTS = None`.

# %%
SYSTEMS = Systems()
JUDGEMENTS = demo_judgements()
workspace = Workspace(Path("workspace"))

# %%
evaluate_stage(workspace, Settings(), judgements=JUDGEMENTS, systems=SYSTEMS, announce=print)
folder = workspace.require("evaluation")
metrics = read_json(folder / "metrics.json")
chosen = "handwritten" if JUDGEMENTS else "test"
systems = metrics[chosen]["systems"] if JUDGEMENTS else metrics["systems"]

# %%
shown = ["accuracy@1", "hit_rate@5", "recall@10", "mrr@10", "ndcg@10"]
lines = [
    f"| {display_name(name)} | " + " | ".join(f"{values[metric]:.3f}" for metric in shown) + " |"
    for name, values in systems.items()
]
Markdown("\n".join([f"| | {' | '.join(shown)} |", f"|---|{'---:|' * len(shown)}", *lines]))

# %% [markdown]
# ## How sure is that?
#
# Intervals of 95 %, queries about one person resampled together:

# %%
analysis = read_json(folder / "analysis.json")[chosen]
rows = [{**row, "name": display_name(row["system"])} for row in analysis["significance"]["systems"]]
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
    print(" = ".join(display_name(name) for name in group))

# %% [markdown]
# ## Where does the gain come from?

# %%
lines = []
for part in (analysis["slices"][key] for key in ("kind", "overlap") if key in analysis["slices"]):
    lines.append(f"| **{part['title']}** | | | | |")
    for row in part["rows"]:
        means, gain = row["means"], row["gain"]
        told = {"better": "yes", "worse": "no, worse", "within noise": "no evidence"}[
            gain["outcome"]
        ]
        lines.append(
            f"| {row['name'].replace('_', ' ')} ({row['queries']}) | {means['bm25']:.3f} | "
            f"{means['base']:.3f} | {means['tuned']:.3f} | {told} |"
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
