"""How tests look at a page: the page's policy lets nothing be evaluated in it, so that they poll from outside."""

from __future__ import annotations

import time
from typing import Any

_TRIES, _PAUSE = 400, 0.05


def until(page: Any, expression: str) -> None:
    """Wait until an expression is true on the page."""
    for _ in range(_TRIES):
        if page.evaluate(expression):
            return
        time.sleep(_PAUSE)
    raise AssertionError(f"never: {expression}")


def settled(page: Any) -> Any:
    """The page, once no question of it is open, and something is shown."""
    until(page, "!document.querySelector('[aria-busy]')")
    until(page, "Boolean(document.querySelector('blockquote:not(.unfinished), .users a, .sides ol'))")
    until(page, "!document.querySelector('[aria-busy]')")
    return page


def texts(page: Any, selector: str) -> list[str]:
    return [text.strip() for text in page.locator(selector).all_text_contents()]


def ids(page: Any, selector: str = ".ranking button") -> list[str]:
    return page.locator(selector).evaluate_all("all => all.map(each => each.dataset.id)")


def without_signs(locator: Any) -> list[str]:
    """The texts of elements without the signs of claims in them."""
    return locator.evaluate_all(
        "all => all.map(each => { const own = each.cloneNode(true);"
        " own.querySelectorAll('button').forEach(sign => sign.remove()); return own.textContent; })"
    )


def panel(page: Any, name: str) -> Any:
    """A tab's panel, by what the tab is called."""
    page.get_by_role("tab", name=name).click()
    return page.get_by_role("tabpanel", name=name)


def open_panel(page: Any) -> Any:
    return page.locator("[role=tabpanel]:not([hidden])")
