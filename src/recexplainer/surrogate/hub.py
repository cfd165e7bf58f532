"""A surrogate's folder on the Hugging Face Hub: fetched into its cache, or shared. It knows files, not models.

Where the hub is, and whether it may be asked, is left to its own environment (`HF_ENDPOINT`, `HF_HUB_OFFLINE`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HTTPError  # pyright: ignore[reportPrivateImportUsage]  (of whichever client it uses)

from recexplainer.errors import SurrogateError
from recexplainer.storage import read_json

# What of a repository a surrogate is read from.
_WEIGHTS = ["backbone/*", "connectors.safetensors", "surrogate.json"]
_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_FAILURES = (HTTPError, OSError, ValueError)  # the last: a name or a card that the hub does not take


def find_folder(name: str | Path, *, revision: str | None, **hub: Any) -> Path:
    """The folder itself if there is one of this name, else what the hub has under it, fetched into the cache.

    Args:
        name: The folder, or OWNER/NAME on the hub.
        revision: Branch, tag or commit on the hub; None: main.
        hub: How to ask the hub: `token`, `cache_dir`, `local_files_only`.

    Raises:
        SurrogateError: It is no folder, and on the hub it cannot be had.
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
            f"There is no such folder, and the hub does not give it: {_first_line(error)}",
            location=f"{name}, revision {revision or 'main'}",
            hint="Check the name and the network; a private surrogate needs a token (hf auth login).",
        ) from error


def share_folder(
    folder: Path, repo_id: str, *, private: bool | None = None, token: str | None = None, revision: str | None = None
) -> str:
    """Upload a folder as one commit, into a repository that is made if it is not there; returns the commit's URL.

    Args:
        folder: What `Surrogate.save_pretrained` wrote, with a card or without.
        repo_id: OWNER/NAME on the hub.
        private: Whether a new repository is private; None: as its owner has set.
        token: Access token; None: the one that `hf auth login` has kept.
        revision: Branch to commit to; None: main.

    Raises:
        SurrogateError: The hub is not reached, or does not take it; or nobody else could read it.
    """
    _refuse_own_base(folder / "backbone" / "adapter_config.json")
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
            f"The hub does not take it: {_first_line(error)}",
            location=repo_id,
            hint="Check the name, the network and that you are logged in with the right to write (hf auth login).",
        ) from error
    return done.commit_url


def _refuse_own_base(adapter: Path) -> None:
    """LoRA alone names where the rest of the weights is; a folder of this machine is nowhere else."""
    base = read_json(adapter)["base_model_name_or_path"] if adapter.exists() else ""
    if base and Path(base).is_dir():
        raise SurrogateError(
            "Only LoRA's weights would be shared: the backbone's own are in a folder of this machine.",
            location=base,
            hint="Merge LoRA into them first: recexplainer export --merged, or from_pretrained(…, merged=True).",
        )


def _first_line(error: Exception) -> str:
    """What went wrong in a line; messages of the hub begin with empty ones."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
