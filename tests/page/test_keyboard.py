"""Each deed by the keyboard alone, and where the focus is afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.page.api import Api
from tests.page.looking import ids, open_panel, settled, texts, until

pytestmark = pytest.mark.slow
USER, OTHER = "u0003", "u0005"
Visit = Callable[..., Any]


def tab_to(page: Any, selector: str, key: str = "Tab") -> None:
    """Press Tab until the element that the selector names has the focus."""
    for _ in range(150):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press(key)
    raise AssertionError(f"Tab does not come to {selector}")


def choose(page: Any, text: str) -> None:
    """Write into the search field that has the focus, and take the first hit."""
    page.keyboard.type(text)
    until(page, "document.activeElement.getAttribute('aria-expanded') === 'true'")
    page.keyboard.press("ArrowDown")
    until(page, "Boolean(document.activeElement.getAttribute('aria-activedescendant'))")
    until(
        page,
        "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))"
        ".getAttribute('aria-selected') === 'true'",
    )
    page.keyboard.press("Enter")


def test_all_deeds_without_a_mouse(visit: Visit, api: Api) -> None:
    page = settled(visit())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    tab_to(page, ".start input")
    choose(page, USER)
    until(page, "Boolean(document.querySelector('.ranking button'))")
    settled(page)
    assert page.evaluate("document.activeElement.tagName + document.activeElement.textContent") == f"H1{USER}"

    before = ids(page)
    tab_to(page, ".history [role=switch]")
    first = page.evaluate("document.activeElement.dataset.id")
    page.keyboard.press("Space")
    until(page, "Boolean(document.querySelector('.ranking .move'))")
    settled(page)
    assert page.evaluate("document.activeElement.dataset.id") == first, "the switch keeps the focus"
    assert ids(page) == [one["id"] for one in api.post("what-if", user=USER, without=[first], k=10)["after"]]
    page.keyboard.press("Space")
    until(page, "!document.querySelector('.ranking .move')")
    settled(page)
    assert ids(page) == before

    tab_to(page, ".ranking button")
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    until(page, f"new URL(location).searchParams.get('item') === '{before[2]}'")
    settled(page)
    tab_to(page, "[role=tab]")
    tab_to(page, ".sign")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.classList.contains('claim')")
    tab_to(page, "[role=tab]", "Shift+Tab")

    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.textContent") == "Why not …"
    tab_to(page, "[role=tabpanel] [role=combobox]")
    seen = {item["id"] for item in api.history(USER)} | set(before)
    other = next(item for item in api.get("items?limit=60")["items"] if item["id"] not in seen)
    choose(page, other["title"])
    until(page, "Boolean(document.querySelector('.versus'))")
    settled(page)
    assert texts(page, ".versus .title")[1] == other["title"]

    tab_to(page, "[role=tab]", "Shift+Tab")
    page.keyboard.press("End")
    tab_to(page, "textarea")
    page.keyboard.type("No, it would not be recommended.")
    page.keyboard.press("Control+Enter")
    until(page, "Boolean(document.querySelector('[role=tabpanel]:not([hidden]) .in-short'))")
    assert open_panel(page).locator("mark.contradicted").count() == 1

    tab_to(page, ".subject header input", "Shift+Tab")
    choose(page, OTHER)
    until(page, "Boolean(document.querySelector('.sides ol'))")
    assert page.evaluate("document.activeElement.textContent") == f"{USER} and {OTHER}"
    tab_to(page, ".comparison > button", "Shift+Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.textContent") == USER

    tab_to(page, "#deeds button", "Shift+Tab")
    with page.expect_download() as started:
        page.keyboard.press("Enter")
    assert started.value.suggested_filename.endswith(".json")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.locator("#said", has_text="Link copied.").wait_for(state="attached")


def test_escape_and_leaving_close_the_hits(visit: Visit) -> None:
    page = settled(visit())
    tab_to(page, ".start input")
    page.keyboard.press("ArrowDown")
    hits = page.locator(".start .hits")
    hits.wait_for()
    page.keyboard.press("Escape")
    assert hits.is_hidden()
    assert page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "false"
    page.keyboard.press("ArrowDown")
    hits.wait_for()
    page.keyboard.press("Tab")
    assert hits.is_hidden()


def test_arrows_go_around_the_hits(visit: Visit) -> None:
    page = settled(visit())
    tab_to(page, ".start input")
    page.keyboard.press("ArrowDown")
    page.locator(".start .hits").wait_for()
    options = page.locator(".start [role=option]")
    page.keyboard.press("ArrowUp")
    assert options.last.get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowDown")
    assert options.first.get_attribute("aria-selected") == "true"
    assert page.locator("[role=option][aria-selected=true]").count() == 1


def test_what_changes_is_said(visit: Visit, api: Api) -> None:
    page = settled(visit(f"?user={USER}"))
    said = page.locator("#said")
    assert said.get_attribute("role") == "status"
    title = api.recommendations(USER)[0]["title"]
    until(page, "document.getElementById('said').textContent.includes('Explanation of')")
    assert title in said.inner_text()
    page.locator(".history [role=switch]").last.click()
    until(page, "document.getElementById('said').textContent.includes('The list was ranked again')")


def test_the_focus_is_seen(visit: Visit) -> None:
    page = settled(visit(f"?user={USER}"))
    for selector in ("#home", ".bar input", "#deeds button", ".switch", ".ranking button", "[role=tab]", ".sign"):
        tab_to(page, selector)
        style = page.evaluate(
            "(() => { const own = getComputedStyle(document.activeElement);"
            " return [own.outlineStyle, parseFloat(own.outlineWidth)]; })()"
        )
        assert style[0] == "solid", selector
        assert style[1] >= 2, selector
