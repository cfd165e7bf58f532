"""Which chat model a name means: one that is registered, one on this machine, or one of an endpoint.

It does not know what is asked.
"""

from __future__ import annotations

import os
from pathlib import Path

from recexplainer.chat.model import ChatModel
from recexplainer.chat.settings import EndpointSettings
from recexplainer.errors import ChatError
from recexplainer.registry import registered


def find_chat_model(endpoint: EndpointSettings, answers: Path) -> ChatModel:
    """The chat model that `endpoint.model` names; what an endpoint answers is kept in the folder `answers`.

    With `endpoint.address` it is one there. Else it is a model that a package registers under this name; else a
    language model in this folder; else a model of the endpoint, where the environment names one by
    `endpoint.address_variable`; else a language model of this name on the hub. A language model on this machine
    answers with at most `endpoint.max_tokens`. torch is imported for that alone.

    Raises:
        SettingsError: What is registered cannot be imported.
        ChatError: The environment names no endpoint, and there is no such language model.
    """
    from recexplainer.chat.endpoint import Endpoint
    from recexplainer.chat.local import LocalChat, open_chat_model

    name, variable = endpoint.model, endpoint.address_variable
    if endpoint.address is not None:
        return Endpoint(endpoint, answers)
    if name in registered("chat_models"):
        return open_chat_model(name)
    is_here = Path(name).is_dir()
    if not is_here and os.environ.get(variable, "").strip():
        return Endpoint(endpoint, answers)
    try:
        return LocalChat(name, max_tokens=endpoint.max_tokens)
    except ChatError as error:
        if is_here:
            raise
        hint = f"Set {variable} to the endpoint that has this model, such as http://localhost:8000/v1. {error.hint}"
        raise ChatError(error.what, location=error.location, hint=hint) from error
