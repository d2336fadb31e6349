# %% [markdown]
# # 2. From queries to a tuned model
#
# Each query is paired with the window of its passage that fits it best, and an open embedding model
# learns to put the two side by side. Whether that made it better is decided on people it has not
# seen: where it did not, the base is kept.
#
# Run [generate_queries.ipynb](generate_queries.ipynb) first. From the command line: `cvseeker finetune`.

# %%
import re

import altair
import vl_convert
from IPython.display import Image, Markdown

from cvseeker import Workspace

# %% [markdown]
# **The line to change.** `BASE = None` takes `mixedbread-ai/mxbai-embed-large-v1` on a GPU where that
# model is on this machine, else the packaged all-MiniLM-L6-v2. Name it to have it downloaded:
# `BASE = "mixedbread-ai/mxbai-embed-large-v1"`.

# %%
BASE = None
curve: dict[int, dict[str, float]] = {}


def watch(task: str, done: int, total: int, note: str = "") -> None:
    """Keep the loss and the validation of every step of the training."""
    if task == "fine-tune" and note:
        found = re.findall(r"(loss|nDCG@10) (\d\.\d+)", note)
        curve.setdefault(done, {}).update({name: float(value) for name, value in found})


workspace = Workspace("workspace", finetune={"base": BASE}, progress=watch)

# %%
train = workspace.dataset("train")
print(f"{len(train.queries)} queries about {len(train.corpus)} passages to learn from")

# %% [markdown]
# ## Train
#
# This takes a few minutes on two CPU cores. Interrupted, the same cell continues from the last
# checkpoint, bit for bit.

# %%
tuned = workspace.finetune()
print(f"{tuned.counts['pairs']} pairs, {tuned.counts['steps']} steps")
print(*tuned.decided, sep="\n")

# %%
rows = [
    {"step": step, "loss": values["loss"]} for step, values in curve.items() if "loss" in values
]
checked = [
    {"step": step, "nDCG@10": values["nDCG@10"]}
    for step, values in curve.items()
    if values.get("nDCG@10") != curve.get(step - 1, {}).get("nDCG@10") and "nDCG@10" in values
]
loss = altair.Chart(altair.Data(values=rows), width=270, height=170, title="training loss")
validation = altair.Chart(altair.Data(values=checked), width=270, height=170, title="validation")
chart = loss.mark_line(color="#2b7bba").encode(x="step:Q", y="loss:Q") | validation.mark_line(
    point=True, color="#b5510d"
).encode(x="step:Q", y=altair.Y("nDCG@10:Q", scale=altair.Scale(zero=False)))
Image(vl_convert.vegalite_to_png(chart.to_dict(), scale=2), width=760)

# %% [markdown]
# ## The verdict
#
# The tuned weights are mixed with the base's as validation prefers. They are kept where they gain more
# than chance explains on validation, and lose nothing on general queries of other domains.

# %%
verdict = tuned.counts["verdict"]
lines = [
    f"| {title} | {verdict[part]['base']:.3f} | {verdict[part]['tuned']:.3f} |"
    for part, title in (("validation", "these résumés"), ("guard", "general queries"))
]
table = "\n".join(["| nDCG@10 on | base | tuned |", "|---|---:|---:|", *lines])
Markdown(
    f"Kept: **{verdict['kept']}** ({verdict['reason']}; {verdict['alpha']:.0%} tuned)\n\n{table}"
)

# %% [markdown]
# ## Before and after
#
# The same search by the base and by the tuned model, vectors alone:

# %%
workspace.index()
query = "icu nurse, night shifts, can teach juniors"
found = {
    "base": workspace.search(query, top_k=3, untuned=True, weights={"dense": 1}),
    "tuned": workspace.search(query, top_k=3, weights={"dense": 1}),
}
lines = [
    f"| {name} | {rank} | {hit.resume_id} | {hit.score:.3f} |"
    for name, hits in found.items()
    for rank, hit in enumerate(hits, start=1)
]
Markdown(
    "\n".join([f"*{query}*\n", "| model | rank | résumé | score |", "|---|---:|---|---:|", *lines])
)

# %% [markdown]
# `workspace/model/` is a plain sentence-transformers folder:
# `SentenceTransformer("workspace/model")` loads it anywhere. Next: [evaluate.ipynb](evaluate.ipynb).
