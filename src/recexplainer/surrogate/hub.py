"""Folders of surrogates on the Hugging Face Hub: fetched into its cache, and shared."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HTTPError  # pyright: ignore[reportPrivateImportUsage]  (of whichever client it uses)

from recexplainer.errors import SurrogateError, first_line
from recexplainer.storage import read_json

# The files of a repository that a surrogate is read from.
_WEIGHTS = ["backbone/*", "connectors.safetensors", "surrogate.json"]
_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_FAILURES = (HTTPError, OSError, ValueError)  # the last: a name or a card that the hub does not take


def find_folder(name: str | Path, *, revision: str | None, **hub: Any) -> Path:
    """The folder of this name if there is one, else that of OWNER/NAME on the hub, fetched into the cache.

    The arguments are those of `Surrogate.from_pretrained`. Raises SurrogateError if there is neither.
    """
    if Path(name).is_dir():
        return Path(name)
    if isinstance(name, Path) or not _NAME.fullmatch(name):
        raise SurrogateError(
            "There is no such folder.",
            location=str(name),
            hint="Give the folder of a surrogate, or the name of one on the hub: OWNER/NAME.",
        )
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=_WEIGHTS, **hub))
    except _FAILURES as error:
        raise SurrogateError(
            f"There is no such folder, and the hub does not give it: {first_line(error)}",
            location=f"{name}, revision {revision or 'main'}",
            hint="Check the name and the network; a private surrogate needs a token (hf auth login).",
        ) from error


def share_folder(
    folder: Path, repo_id: str, *, private: bool | None = None, token: str | None = None, revision: str | None = None
) -> str:
    """Upload what `Surrogate.save_pretrained` wrote as one commit; returns the commit's URL.

    The arguments are those of `Surrogate.push_to_hub`. Raises SurrogateError if the hub is not reached or refuses it,
    or if nobody else could read it.
    """
    adapter = folder / "backbone" / "adapter_config.json"
    base = read_json(adapter)["base_model_name_or_path"] if adapter.exists() else ""
    if base and Path(base).is_dir():
        raise SurrogateError(
            "Only LoRA's weights would be shared: the backbone's own are in a folder of this machine.",
            location=base,
            hint="Merge LoRA into them first: recexplainer export --merged, or from_pretrained(…, merged=True).",
        )
    api = HfApi(token=token)
    try:
        repository = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
        done = api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            revision=revision,
            commit_message="Share a RecExplainer surrogate",
            delete_patterns=_WEIGHTS,  # no weights of an earlier form stay beside these
        )
    except _FAILURES as error:
        raise SurrogateError(
            f"The hub does not take it: {first_line(error)}",
            location=repo_id,
            hint="Check the name, the network and that you are logged in with the right to write (hf auth login).",
        ) from error
    return done.commit_url
