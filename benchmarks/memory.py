"""Print the table of docs/cluster.md: run time, peak memory and requested memory per stage.

Usage: groupwise status --format tsv > status.tsv; python benchmarks/memory.py status.tsv
"""

import sys

import pandas as pd

table = pd.read_csv(sys.argv[1], sep="\t")
table = table[table["memory_mb"].notna() & (table["asked_mb"] > 0)]
stages = table.groupby("stage", sort=False).agg(
    jobs=("stage", "size"),
    seconds=("seconds", "max"),
    memory=("memory_mb", "max"),
    asked=("asked_mb", "max"),
)
print("| stage | jobs | longest, s | peak memory, MB | requested memory, MB |")
print("|---|---|---|---|---|")
for stage, row in stages.iterrows():
    print(f"| {stage} | {row.jobs:.0f} | {row.seconds:.1f} | {row.memory:.0f} | {row.asked:.0f} |")
