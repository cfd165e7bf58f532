"""Keep the rows of a whole run, with machine, settings and seconds, and print them as README's table of results."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import yaml

from recexplainer.storage import read_json, write_json

FORMS = ("intention", "hybrid", "behavior")
SHOWN = {
    ("retrieval", "hr@5"): "retrieval HR@5",
    ("retrieval", "ndcg@5"): "retrieval NDCG@5",
    ("ranking", "ndcg@5"): "ranking NDCG@5",
    ("ranking", "ndcg@5_constrained"): "the same, constrained to the candidates",
    ("classification", "accuracy"): "classification accuracy",
    ("reconstruction", "hcr"): "reconstruction HCR",
}


def gather(run: Path, machine: str) -> dict[str, Any]:
    """What is worth keeping of a complete run; no path of the machine."""
    manifests = {path.parent.name: read_json(path) for path in sorted(run.glob("*/manifest.json"))}
    settings = yaml.safe_load((run / "recipe.yaml").read_text(encoding="utf-8"))
    settings["data"]["path"] = None
    confusion = run / "evaluation" / "confusion.json"
    others = ("manifest.json", confusion.name)
    rows_files = sorted(path for path in (run / "evaluation").glob("*.json") if path.name not in others)
    return {
        "machine": machine,
        "versions": manifests["evaluation"]["versions"],
        "seconds": {stage: manifest["seconds"] for stage, manifest in manifests.items()},
        "settings": settings,
        "recommendation": read_json(run / "recommender" / "quality.json"),
        "rows": [row for path in rows_files for row in read_json(path)],
        "confusion": read_json(confusion) if confusion.is_file() else [],
    }


def as_markdown(rows: list[dict[str, Any]]) -> str:
    """README's table: what is shown in lines, methods in columns."""
    methods = ("random", "popularity", *FORMS)
    values = {(row["method"], row["task"], row["metric"]): row["value"] for row in rows if not row["variant"]}
    lines = ["| | " + " | ".join(methods) + " |", "| --- |" + " ---: |" * len(methods)]
    for (task, metric), label in SHOWN.items():
        found = [values.get((method, task, metric)) for method in methods]
        lines.append(f"| {label} | " + " | ".join("–" if one is None else f"{one:.3f}" for one in found) + " |")
    return "\n".join(lines)


def main() -> None:
    """Write the file and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--machine", required=True, help="the machine in words, and whether it was idle")
    given = parser.parse_args()
    kept = gather(given.run, given.machine)
    write_json(given.out, kept)
    print(as_markdown(kept["rows"]))
    print(f"{sum(kept['seconds'].values()) / 60:.0f} minutes, all stages added")


if __name__ == "__main__":
    main()
