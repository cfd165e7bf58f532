"""Address and key of an endpoint as people paste them into the environment, and the client for them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from recexplainer.chat.settings import EndpointSettings
from recexplainer.errors import ChatError
from recexplainer.registry import require_extra

if TYPE_CHECKING:
    from openai import OpenAI

_AROUND = " \t\r\n\v\f\ufeff\u00a0\u200b\"'`“”‘’<>"
_ROUTE = re.compile(r"(?:/chat/completions|/completions|/chat|/responses|(?<=/v1)/(?:models|embeddings))$")
_ADDRESS = re.compile(r"https?://(?:[^\s/?#@:\[\]]+|\[[0-9a-f:.]+\])(?::\d{1,5})?(?:[/?][^\s#@]*)?", re.IGNORECASE)
_AZURE_PATH = re.compile(r"/deployments/[^/]+$|/openai/v1$|^/models$")
_THIS_MACHINE = re.compile(r"(?:.*\.)?localhost|127[.\d]+|0\.0\.0\.0|::1?|::ffff:127[.\d]+")
_NEARBY = re.compile(r"[^.]*|.*\.(?:local|lan|internal|localhost)|[.\d]+|.*:.*")
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_HOST = re.compile(r"(?:[^\s/?#@:]+\.[^\s/?#@:]+|localhost|[^\s/?#@:]+(?=:\d)|\[[0-9a-fA-F:]+\])(?::\d+)?(?:[/?#].*)?")
_BEFORE_KEY = re.compile(
    r"^(?:(?:export\s+)?[\w-]*(?:authorization|key)\s*[:=]\s*[\"']?)?(?:bearer\s+)?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where requests go: `base` without the route; `api_version` of Azure's older interface, or None."""

    base: str
    api_version: str | None = None


def read_key(settings: EndpointSettings) -> str:
    """The key, "" if there is none; raises ChatError, which never shows it, where it cannot be sent."""
    key = os.environ.get(settings.key_variable, "").strip(_AROUND)
    key = _BEFORE_KEY.sub("", key, count=1).strip(_AROUND)
    if not (key.isascii() and key.isprintable()) or re.search(r"\s|://", key):
        what = "The key holds characters that cannot be sent."
        hint = "Copy the key again, alone: one line without blanks, and no address."
        raise ChatError(what, location=settings.key_variable, hint=hint)
    return key


def read_address(settings: EndpointSettings) -> Address:
    """The address; raises ChatError, which shows no key, where it is none."""
    where, text = "address of the endpoint", settings.address  # which may hold a key by mistake, and is not shown
    if text is None:
        where, text = settings.address_variable, os.environ.get(settings.address_variable, "")
    text = _with_scheme(text.strip(_AROUND))
    if not _ADDRESS.fullmatch(text):
        what = "That is no address of an endpoint." if text else "The environment names no endpoint."
        hint = "Set it to where the endpoint is, such as http://localhost:8000/v1; the key does not belong in it."
        raise ChatError(what, location=where, hint=hint)
    parts = urlsplit(text)
    query = dict(parse_qsl(parts.query))
    version = query.pop("api-version", None) or settings.azure_api_version
    if query:
        what = f"The address has a query ({', '.join(query)}) that is not sent."
        hint = "Leave it out; a key belongs in the variable for keys."
        raise ChatError(what, location=where, hint=hint)
    path = _ROUTE.sub("", re.sub(r"/{2,}", "/", parts.path.rstrip("/"))).rstrip("/")
    if version is not None and not _AZURE_PATH.search(path):
        path = f"{path.removesuffix('/openai')}/openai/deployments/{quote(settings.model, safe='')}"
    if parts.netloc.lower().endswith(".azure.com") and not _AZURE_PATH.search(path):
        hint = f"Set it to https://{parts.netloc}/openai/v1, or give azure_api_version, such as 2024-10-21."
        raise ChatError("The address of Azure lacks its path.", location=where, hint=hint)
    return Address(urlunsplit((parts.scheme.lower(), parts.netloc, path, "", "")), version)


def _with_scheme(text: str) -> str:
    """An address that lacks its scheme with one: a public name is reached by https, a machine nearby by http."""
    if _SCHEME.match(text) or not _HOST.fullmatch(text):
        return text
    return f"{'http' if _NEARBY.fullmatch(urlsplit(f'//{text}').hostname or '') else 'https'}://{text}"


@dataclass(frozen=True)
class Connection:
    """A client of the endpoint that the environment names, the key, and headers of a request beside the client's."""

    address: Address
    key: str
    client: OpenAI
    headers: Mapping[str, Any]


def open_connection(settings: EndpointSettings) -> Connection:
    """What the environment names; the client follows no redirect and tries each request once."""
    address, key = read_address(settings), read_key(settings)
    require_extra("openai", "chat")
    from openai import DefaultHttpxClient, Omit, OpenAI

    is_local = _THIS_MACHINE.fullmatch(urlsplit(address.base).hostname or "")  # which no proxy reaches
    try:
        http = DefaultHttpxClient(follow_redirects=False, timeout=settings.timeout, trust_env=not is_local)
    except (ImportError, ValueError) as error:
        hint = "Correct HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, or name the host in NO_PROXY."
        raise ChatError(f"The proxy cannot be used: {error}", location="environment", hint=hint) from error
    query = None if address.api_version is None else {"api-version": address.api_version}
    client = OpenAI(base_url=address.base, api_key=key or "none", max_retries=0, http_client=http, default_query=query)
    headers: dict[str, Any] = {"Authorization": Omit()} if query or not key else {}
    return Connection(address, key, client, headers | ({"api-key": key} if query and key else {}))
