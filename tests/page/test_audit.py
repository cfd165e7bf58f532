# pyright: reportUnknownLambdaType=false
"""The recommender as a whole: the audit on the page, compared with what the server says of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from tests.page.api import Api
from tests.page.conftest import start
from tests.page.looking import settled, texts, until
from tests.page.test_keyboard import tab_to

from recexplainer.audit.findings import shown
from recexplainer.evaluation.rows import Row
from recexplainer.pipeline.layout import RunLayout

pytestmark = pytest.mark.slow
ADDRESS, TITLE, WAIT = "?view=audit", "The recommender as a whole", 240_000
Visit = Callable[..., Any]


def audited(page: Any) -> Any:
    """The page, once the audit is there."""
    page.locator(".audit .parameters").wait_for(timeout=WAIT)
    return page


def figures(findings: list[dict[str, Any]]) -> list[str]:
    return [shown(Row(**row)) for one in findings for row in one["figures"]]


def ordered(found: dict[str, Any], *, said: bool) -> list[dict[str, Any]]:
    """The findings on all users that are said, or those that are not decided."""
    return [one for one in found["findings"] if one["subject"] != "groups" and (one["status"] != "unverified") is said]


def test_it_is_opened_from_the_first_screen_and_says_what_the_server_says(visit: Visit, api: Api) -> None:
    found = api.audit()
    page = settled(visit())
    page.locator(".whole").click()
    audited(page)
    assert page.url == f"{api.address}/{ADDRESS}"
    assert page.title() == f"{TITLE} · RecExplainer"
    assert page.evaluate("document.activeElement.tagName + document.activeElement.textContent") == f"H1{TITLE}"
    assert texts(page, ".audit header .lead") == [found["lead"]]
    size = page.locator(".audit header .size").inner_text()
    assert f"on {found['users']} of {found['of_users']} users" in size
    assert found["date"][:4] in size

    said, undecided = ordered(found, said=True), ordered(found, said=False)
    assert said
    assert texts(page, ".said-part .finding > p") == [one["text"] for one in said]
    assert texts(page, ".said-part .in-words") == figures(said)
    assert texts(page, ".undecided .finding > p") == [one["text"] for one in undecided]
    assert texts(page, ".undecided .in-words") == figures(undecided)
    signs = {"supported": "✓", "contradicted": "✗", "unverified": "?"}
    assert texts(page, ".said-part .met b") == [signs[each] for one in said for each in one["met"]]
    assert undecided
    assert page.locator(".undecided .finding").first.is_hidden()

    assert texts(page, ".listed .title") == [one["title"] for one in found["most_recommended"]]
    assert texts(page, ".left-out li") == [
        f"{one['what'][0].upper()}{one['what'][1:]}. {one['why']}" for one in found["left_out"]
    ]
    assert texts(page, ".parameters blockquote p") == [found["parameters"][name] for name in ("parameters", "method")]
    assert texts(page, ".draft") == [found["parameters"]["note"]]


def test_a_share_is_drawn_where_it_is(visit: Visit, api: Api) -> None:
    page = audited(visit(ADDRESS))
    found = api.audit()
    drawn = page.locator(".said-part .track").evaluate_all(
        "all => all.map(one => [one.querySelector('.value').getAttribute('cx'),"
        " one.querySelector('.interval').getAttribute('x1'), one.querySelector('.interval').getAttribute('x2'),"
        " one.querySelector('.bound').getAttribute('x1')].map(parseFloat))"
    )
    expected = [
        [100 * each for each in (row["value"], row["low"], row["high"], bound)]
        for one in ordered(found, said=True)
        for row, bound in zip(one["figures"], one["bounds"], strict=True)
        if found["metrics"][row["metric"]]["unit"] == "share"
    ]
    assert len(drawn) == len(expected) > 5
    for own, wanted in zip(drawn, expected, strict=True):
        assert own == pytest.approx(wanted, abs=0.006)
    box, track = (page.locator(f".said-part {each}").first.bounding_box() for each in (".value", ".whole-track"))
    middle = (box["x"] + box["width"] / 2 - track["x"]) / track["width"]
    assert middle == pytest.approx(expected[0][0] / 100, abs=0.01)


def test_groups_and_their_differences(visit: Visit, api: Api) -> None:
    found = api.audit()
    page = audited(visit(ADDRESS))
    names = list(found["groups"])
    assert names == ["short histories", "long histories"]
    assert page.locator(".bars .stack").count() == 2
    assert texts(page, ".groups .finding > p") == [
        one["text"] for one in found["findings"] if one["subject"] == "groups"
    ]
    rows = [Row(**row) for row in found["rows"]]
    own = {
        (row.task, row.metric): shown(row)
        for row in rows
        if row.variant == names[0] and row.task in ("audit", "audit_difference")
    }
    titles = {one["title"].lower(): name for name, one in found["metrics"].items()}
    compared = page.locator(".compared > li")
    assert compared.count() >= 8
    for place in range(compared.count()):
        metric = titles[compared.nth(place).locator("h4").text_content().lower()]
        first = compared.nth(place).locator(".figure").first
        assert first.locator(".in-words").text_content() == own["audit", metric]
        assert first.locator("small").all_text_contents() == [
            own[key] for key in own if key == ("audit_difference", metric)
        ]
    clear = {row.metric for row in rows if row.variant == names[0] and row.task == "audit_difference" and clearly(row)}
    outside = page.locator(".groups > .compared h4").all_text_contents()
    bars = {"any_history", "last_item", "other_single_item", "several_items"}
    assert {titles[title.lower()] for title in outside} == clear - bars


def clearly(row: Row) -> bool:
    return (row.low or 0) > 0 or (row.high or 0) < 0


def test_the_link_restores_it_and_back_leads_back(visit: Visit, api: Api) -> None:
    page = audited(visit(f"{ADDRESS}&user=u0003&compare=u0005"))
    assert page.locator(".audit h1").is_visible(), "the audit is of no user"
    assert page.locator(".subject").is_hidden()
    page.get_by_role("button", name="Copy link").click()
    until(page, "document.querySelector('#said').textContent.includes('Link copied.')")
    page.goto(f"{api.address}/?user=u0003")
    settled(page)
    page.locator("#to-audit").click()
    audited(page)
    assert page.url == f"{api.address}/{ADDRESS}"
    assert page.locator("#to-audit").get_attribute("aria-current") == "page"
    page.go_back()
    settled(page)
    assert page.locator("h1:visible").inner_text() == "u0003"
    assert page.locator("#to-audit").get_attribute("aria-current") is None
    page.go_forward()
    assert audited(page).locator("h1:visible").inner_text() == TITLE
    page.locator("#home").click()
    assert page.locator(".start h1").is_visible()
    assert page.url == f"{api.address}/"


def test_by_keyboard_alone(visit: Visit, api: Api) -> None:
    found = api.audit()
    page = settled(visit())
    tab_to(page, ".whole")
    page.keyboard.press("Enter")
    audited(page)
    assert page.evaluate("document.activeElement.textContent") == TITLE
    tab_to(page, ".groups summary")
    folded = page.locator(".groups details .compared")
    assert folded.is_hidden()
    page.keyboard.press("Enter")
    assert folded.is_visible()
    tab_to(page, ".parameters button")
    page.keyboard.press("Enter")
    page.locator("#said", has_text="Draft copied.").wait_for(state="attached")
    copied = page.evaluate("navigator.clipboard.readText()").replace("\r\n", "\n")
    assert copied == "\n\n".join(found["parameters"][name] for name in ("note", "parameters", "method"))
    tab_to(page, "#home", "Shift+Tab")
    page.keyboard.press("Enter")
    assert page.locator(".start h1").is_visible()
    tab_to(page, "#to-audit", "Shift+Tab")
    style = page.evaluate("(() => getComputedStyle(document.activeElement).outlineStyle)()")
    assert style == "solid"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.textContent") == TITLE


def test_the_draft_is_shown_where_the_browser_does_not_copy(visit: Visit, api: Api) -> None:
    page = audited(visit(ADDRESS))
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')); }")
    page.get_by_role("button", name="Copy the draft").click()
    field = page.get_by_role("textbox", name="The draft")
    field.wait_for()
    assert field.input_value().startswith(api.audit()["parameters"]["note"])


def test_it_is_exported_as_the_server_gave_it(visit: Visit, api: Api) -> None:
    page = audited(visit(ADDRESS))
    with page.expect_download() as started:
        page.get_by_role("button", name="Export JSON").click()
    assert started.value.suggested_filename == "recexplainer-audit.json"
    content = json.loads(started.value.path().read_text(encoding="utf-8"))
    assert content == {"link": page.url, "audit": api.audit()}


def test_markup_in_titles_is_text(visit: Visit, api: Api) -> None:
    titles = [one["title"] for one in api.audit()["most_recommended"]]
    assert any("<script>" in title for title in titles)
    page = audited(visit(ADDRESS))
    assert page.locator("img").count() == 0
    assert page.locator("script:not([src])").count() == 0
    assert page.title() != "run"
    assert texts(page, ".listed .title") == titles


def test_it_is_waited_for_and_can_be_left_meanwhile(visit: Visit, run: Path) -> None:
    process, address = start(run)
    try:
        Api(address).wait_until_ready()
        page = settled(visit(server=address))
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/audit") else None)
        page.locator("#to-audit").click()
        page.locator(".making").wait_for()
        page.locator("#said", has_text="You can leave this view meanwhile.").wait_for(state="attached")
        page.locator("#home").click()
        assert page.locator(".start h1").is_visible()
        before = len(asked)
        page.wait_for_timeout(5500)  # longer than the server says to wait
        assert len(asked) == before, "what nobody looks at is not asked for"
        page.locator(".whole").click()
        audited(page)
        assert page.locator(".making").is_hidden()
        page.locator("#said", has_text="The audit is there").wait_for(state="attached")
    finally:
        process.kill()
        process.wait()


def test_it_is_asked_again_as_late_as_the_server_says(visit: Visit, api: Api) -> None:
    found = api.audit()
    page = settled(visit())
    asked: list[float] = []

    def late(route: Any) -> None:
        asked.append(monotonic())
        if len(asked) < 3:
            route.fulfill(status=202, headers={"Retry-After": "2"}, body='{"status":"the audit is being made"}')
        else:
            route.continue_()

    page.route("**/audit", late)
    page.locator("#to-audit").click()
    audited(page)
    assert len(asked) == 3
    assert all(later - sooner >= 1.9 for sooner, later in pairwise(asked))
    assert texts(page, ".audit header .lead") == [found["lead"]]


def test_an_audit_that_fails_is_said_and_asked_again(visit: Visit, run: Path, tmp_path: Path) -> None:
    own = shutil.copytree(run, tmp_path / "runs" / "tiny")
    process, address = start(own)
    try:
        Api(address).wait_until_ready()
        shutil.move(RunLayout(own).stage("recommender"), tmp_path / "away")
        page = visit(ADDRESS, server=address, expect_errors=True)
        trouble = page.locator(".audit .trouble")
        trouble.locator("button").wait_for(timeout=WAIT)
        assert len(trouble.locator("p").all_inner_texts()) == 2, "what is wrong, and what to do"
        assert page.locator(".making").is_hidden()
        shutil.move(tmp_path / "away", RunLayout(own).stage("recommender"))
        trouble.get_by_role("button", name="Try again").click()
        audited(page)
        assert trouble.is_hidden()
    finally:
        process.kill()
        process.wait()


def test_what_is_not_measured_is_left_out(visit: Visit, api: Api) -> None:
    """A recommender that knows users by id alone: no bar of what decides, no figures of it, and why is said."""
    found = api.audit()
    unasked = {"any_history", "last_item", "other_single_item", "several_items", "surrogate_agreement"}
    found["rows"] = [row for row in found["rows"] if row["metric"] not in unasked]
    found["findings"], found["groups"] = [], {}
    found["left_out"] = [{"what": "<b>this</b>", "why": "For <i>that</i>."}]
    page = settled(visit())
    page.route("**/audit", lambda route: route.fulfill(json=found))
    page.locator("#to-audit").click()
    audited(page)
    assert page.locator(".stack").count() == 0
    assert page.locator(".undecided").count() == 0
    assert page.get_by_text("No figure is certain enough for a sentence.").is_visible()
    assert page.get_by_text("All users that were drawn are of one group.").is_visible()
    assert texts(page, ".left-out li") == ["<b>this</b>. For <i>that</i>."]
