"""GGUF files as folders of transformers: converted once, kept in the cache.

transformers reads them with the package gguf, of the extra of that name, and only some architectures.
"""

from __future__ import annotations

import logging
import sys
from contextlib import nullcontext, redirect_stderr
from io import StringIO
from pathlib import Path

from recexplainer.errors import SurrogateError
from recexplainer.registry import require_extra
from recexplainer.storage import cache_folder, hash_file, once_complete, write_json

ORIGIN = "origin.json"
"""The file that says where a folder of the cache comes from."""
_MAGIC = b"GGUF"
_HINT = (
    "If the file is whole, transformers does not read its kind: name the model that it was made from, on the hub or as "
    "a folder with weights in safetensors."
)
_log = logging.getLogger(__name__)


def find_gguf(path: Path) -> Path | None:
    """The GGUF file that a path names: itself, or the only one in a folder without weights of transformers.

    Raises SurrogateError if there are several in the folder.
    """
    if path.is_file():
        with path.open("rb") as file:
            return path if file.read(len(_MAGIC)) == _MAGIC else None
    if not path.is_dir():
        return None
    found = sorted(path.glob("*.gguf"))
    whole = (path / "config.json").exists() and any(file.suffix in (".safetensors", ".bin") for file in path.iterdir())
    if whole or not found:
        return None
    if len(found) > 1:
        raise SurrogateError(
            f"There are {len(found)} GGUF files in this folder: {', '.join(file.name for file in found[:5])}.",
            location=str(path),
            hint="Give the path of one of them.",
        )
    return found[0]


def converted_gguf(file: Path) -> Path:
    """The folder of transformers that a GGUF file was converted to; made in the cache at the first call.

    Raises SurrogateError if it cannot be read; SettingsError without the extra `gguf`.
    """
    sha256 = hash_file(file)
    folder = cache_folder() / "gguf" / f"{file.stem}-{sha256[:12]}"
    with once_complete(folder) as aside:
        if aside is not None:
            _log.info("%s: converted once, to %s", file.name, folder)
            convert_gguf(file, aside)
            write_json(aside / ORIGIN, {"name": file.name, "source": str(file.absolute()), "sha256": sha256})
    return folder


def convert_gguf(file: Path, folder: Path) -> None:
    """Write the model and tokenizer of a GGUF file to a folder; quantised weights become bfloat16.

    Raises as `converted_gguf`.
    """
    require_extra("gguf", "gguf")
    from transformers import AutoConfig, AutoTokenizer, GgufConfig
    from transformers.utils.logging import disable_progress_bar

    from recexplainer.surrogate.loading import explained, read_weights

    disable_progress_bar()
    # The bar of transformers, where no terminal shows it.
    quiet = nullcontext() if sys.stderr.isatty() else redirect_stderr(StringIO())
    with explained(str(file), "GGUF file", _HINT), quiet:
        where = {"gguf_file": file.name, "trust_remote_code": False}
        AutoConfig.from_pretrained(file.parent, **where)
        tokenizer = AutoTokenizer.from_pretrained(file.parent, **where)
        how = {"quantization_config": GgufConfig(dequantize=True), "dtype": _own_type(file)}
        backbone = read_weights(file.parent, gguf_file=file.name, **how)
    backbone.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _own_type(file: Path) -> object:
    """The type of its weights where they are not quantised, else bfloat16."""
    import torch
    from transformers.integrations.gguf.reader import GgufHeader

    return GgufHeader.from_file(str(file)).dtype or torch.bfloat16
