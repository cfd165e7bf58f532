# pyright: reportUnknownLambdaType=false
"""What every view must hold to: nothing for axe to find, 360 pixels suffice, motion can be done without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.page.api import Api
from tests.page.looking import settled, until

pytestmark = pytest.mark.slow
USER, OTHER = "u0003", "u0005"
Visit = Callable[..., Any]
LOOKS = {
    "light": {"color_scheme": "light"},
    "narrow": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
    "medium and dark": {"color_scheme": "dark", "viewport": {"width": 900, "height": 800}},
}


def views(api: Api) -> dict[str, str]:
    """The address of each view."""
    off, item = api.history(USER)[-1]["id"], api.recommendations(USER)[0]["id"]
    seen = {one["id"] for one in api.history(USER)} | {item}
    other, added = [one["id"] for one in api.get("items?limit=60")["items"] if one["id"] not in seen][:2]
    return {
        "start": "",
        "user": f"?user={USER}",
        "changed": f"?user={USER}&item={item}&without={off}&add={added}",
        "why not": f"?user={USER}&view=whynot&other={other}",
        "check": f"?user={USER}&view=check#text=No,+it+would+not+be+recommended.+Bananas+are+yellow.",
        "compared": f"?user={USER}&compare={OTHER}",
        "audit": "?view=audit",
    }


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_and_nothing_overflows(visit: Visit, api: Api, axe: Any, look: str) -> None:
    api.audit()  # is made once, which takes a while
    page = visit(**LOOKS[look])
    for name, address in views(api).items():
        page.goto(f"{api.address}/{address}")
        settled(page)
        if name != "start":
            page.locator("details").evaluate_all("all => all.forEach(each => { each.open = true; })")
        found = axe.run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]})
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name


def test_axe_finds_nothing_while_one_searches(visit: Visit, axe: Any) -> None:
    page = settled(visit())
    page.locator(".start").get_by_role("combobox").press("ArrowDown")
    page.locator(".start .hits").wait_for()
    page.keyboard.press("ArrowDown")
    found = axe.run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_while_an_audit_is_made_or_has_failed(visit: Visit, axe: Any, look: str) -> None:
    page = settled(visit(expect_errors=True, **LOOKS[look]))
    broken = {"error": {"message": "It is broken.", "location": "a/b", "hint": "Correct it."}}
    making = {"status": 202, "headers": {"Retry-After": "600"}, "body": "{}"}
    answers: list[dict[str, Any]] = []
    page.route("**/audit", lambda route: route.fulfill(**answers[-1]))
    for answer, shown in ((making, ".making"), ({"status": 422, "json": broken}, ".audit .trouble button")):
        answers.append(answer)
        page.locator("#to-audit").click()
        page.locator(shown).wait_for()
        found = axe.run(page)
        assert found.violations_count == 0, f"{shown}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        page.locator("#home").click()


def test_lines_move_unless_motion_is_unwanted(visit: Visit) -> None:
    for wish, moves in (("no-preference", True), ("reduce", False)):
        page = settled(visit(f"?user={USER}", reduced_motion=wish))
        page.evaluate(
            "(() => { globalThis.moved = 0; const own = Element.prototype.animate; Element.prototype.animate ="
            " function (...all) { globalThis.moved += 1; return own.apply(this, all); }; })()"
        )
        page.locator(".history [role=switch]").last.click()
        until(page, "Boolean(document.querySelector('.ranking .move'))")
        assert (page.evaluate("globalThis.moved") > 0) is moves


def test_the_history_is_folded_where_there_is_little_room(visit: Visit) -> None:
    narrow = settled(visit(f"?user={USER}", viewport={"width": 360, "height": 740}))
    assert narrow.locator(".history-list").is_hidden()
    narrow.locator(".history summary").click()
    assert narrow.locator(".history-list").is_visible()
    assert settled(visit(f"?user={USER}")).locator(".history-list").is_visible()


def test_a_choice_leads_to_the_explanation_where_it_is_out_of_sight(visit: Visit) -> None:
    page = settled(visit(f"?user={USER}", viewport={"width": 360, "height": 740}))
    page.locator(".ranking button").nth(1).click()
    settled(page)
    until(page, "document.querySelector('.detail').getBoundingClientRect().top < 200")
