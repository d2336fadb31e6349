# %% [markdown]
# # 1. From résumés to queries
#
# An embedding model learns from pairs of a query and the passage that answers it, and a folder of
# résumés has no queries. CVSeeker writes them. Here it does so offline, from the résumés' own
# structure and their rare phrases; an LLM is one line away.
#
# The same from the command line: `cvseeker ingest` and `cvseeker generate`.

# %%
import re
from collections import Counter

import altair
import vl_convert
from IPython.display import Image, Markdown

from cvseeker import Workspace, demo_resumes

# %% [markdown]
# **The lines to change.** For your own folder: `RESUMES = "path/to/resumes"`. For an LLM, whose key is
# taken from `OPENAI_API_KEY`: `{"llm": "gpt-4o-mini"}`. Only then does anything leave this machine:
# the passages, with names and contacts masked.

# %%
RESUMES = demo_resumes()
workspace = Workspace("workspace", generate={"per_passage": 4})

# %% [markdown]
# ## Read
#
# Files become text, sections and passages. Near-duplicates and several résumés of one person are
# grouped, and the groups are split into training, validation and test *before* any query is written.

# %%
ingested = workspace.ingest(RESUMES)
lines = [
    f"| {name} | {part['resumes']} | {part['passages']} |"
    for name, part in ingested.counts["splits"].items()
]
Markdown("\n".join(["| split | résumés | passages |", "|---|---:|---:|", *lines]))

# %% [markdown]
# One résumé's passages, as the model will see them:

# %%
passages = workspace.passages()
chosen = passages[30].resume_id
for passage in passages:
    if passage.resume_id == chosen:
        print(f"[{passage.passage_id}]\n{passage.text[:420]} …\n")

# %% [markdown]
# ## Write queries

# %%
generated = workspace.generate()
print(f"{generated.counts['queries']} queries about {len(passages)} passages")

# %% [markdown]
# Ten of them, beside the beginning of the passage that they are about:

# %%
train = workspace.dataset("train")
rows = []
for query_id in list(train.queries)[:: len(train.queries) // 10][:10]:
    passage_id = next(iter(train.qrels[query_id]))
    beginning = " ".join(train.corpus[passage_id].split())[:60].replace("|", "/")
    kind = train.kinds[query_id].replace("_", " ")
    rows.append(f"| {train.queries[query_id]} | {kind} | {beginning} … |")
Markdown("\n".join(["| query | kind | passage |", "|---|---|---|", *rows]))

# %% [markdown]
# ## Are they too easy?
#
# A query that copies its passage's words can be found by looking for those words, and teaches little.
# This is the share of each query's words, those of four letters or more, that stand in its passage:


# %%
def words(text: str) -> set[str]:
    """Return the longer words of a text."""
    return set(re.findall(r"\w{4,}", text.lower()))


shares = []
for query_id, query in train.queries.items():
    passage = train.corpus[next(iter(train.qrels[query_id]))]
    shares.append(len(words(query) & words(passage)) / max(len(words(query)), 1))
bins = Counter(min(int(share * 10), 9) for share in shares)
rows = [
    {"copied": f"{at * 10}–{at * 10 + 10} %", "at": at, "queries": bins[at]} for at in range(10)
]
chart = (
    altair.Chart(altair.Data(values=rows), width=520, height=170)
    .mark_bar(color="#2b7bba")
    .encode(
        x=altair.X("copied:O", sort=altair.SortField("at"), title="words copied from the passage"),
        y=altair.Y("queries:Q"),
    )
)
Image(vl_convert.vegalite_to_png(chart.to_dict(), scale=2), width=600)

# %% [markdown]
# Offline queries copy much: that is why the evaluation shows BM25 beside every model, slices by copied
# words, and believes queries that people wrote more. `workspace/queries/` holds the data set in
# LlamaIndex's and in BEIR's form. Next: [finetune.ipynb](finetune.ipynb).
