"""What one does on the page, each deed in a real browser against a real server, compared with what the server says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from tests.page.api import Api
from tests.page.conftest import start
from tests.page.looking import ids, open_panel, panel, settled, texts, until, without_signs

pytestmark = pytest.mark.slow
USER = "u0003"
Visit = Callable[..., Any]


def test_a_user_is_found_and_opened(visit: Visit, api: Api) -> None:
    page = visit()
    page.locator(".users a").nth(11).wait_for()
    field = page.locator(".start").get_by_role("combobox")
    field.fill(USER)
    until(page, "document.querySelectorAll('.start [role=option]').length === 1")
    assert page.locator(".start [role=option]").inner_text().split("\n")[0] == USER
    page.locator(".start [role=option]").click()
    settled(page)
    assert page.locator("h1:visible").inner_text() == USER
    assert f"user={USER}" in page.url
    field = page.locator(".bar").get_by_role("combobox")
    title = api.history(USER)[0]["title"]
    field.fill(title)
    wanted = [user["id"] for user in api.get("users?" + urlencode({"q": title, "limit": 12}))["users"]]
    until(page, f"document.querySelectorAll('.bar [role=option]').length === {len(wanted)}")
    assert USER in wanted or len(wanted) == 12
    field.fill("nobody is called so")
    page.locator(".bar").get_by_text("No user fits.").wait_for()


def test_the_history_says_what_each_item_does(visit: Visit, api: Api) -> None:
    page = settled(visit(f"?user={USER}"))
    first = api.recommendations(USER)[0]["id"]
    reasons = api.post("explain", user=USER, item=first)["reasons"]
    assert texts(page, ".history .title") == [one["title"] for one in api.history(USER)]
    effects = [reason["effect"] for reason in reasons if reason["effect"]]
    assert page.locator(".history svg.effect").count() == len(effects) > 0
    words = {"for": "for", "against": "against", "depends": "depends", "negligible": "hardly any"}
    assert texts(page, ".history .numbers b") == [words[effect["direction"]] for effect in effects]
    spoken = texts(page, ".history .numbers .unseen")
    for effect, said in zip(effects, spoken, strict=True):
        assert f"left out {effect['value']:+.2f}".replace("-", "−") in said or abs(effect["value"]) < 0.01


def test_the_ten_first_stand_with_their_phrases(visit: Visit, api: Api) -> None:
    page = settled(visit(f"?user={USER}"))
    expected = api.recommendations(USER)
    assert len(expected) == 10
    assert ids(page) == [one["id"] for one in expected]
    assert texts(page, ".ranking .title") == [one["title"] for one in expected]
    assert texts(page, ".ranking .phrase") == [one["phrase"] or one["no_reason"] for one in expected]
    assert any(one["phrase"] for one in expected)


def test_a_click_shows_the_explanation_with_its_claims(visit: Visit, api: Api) -> None:
    page = settled(visit(f"?user={USER}"))
    third = api.recommendations(USER)[2]
    page.locator(".ranking button").nth(2).click()
    until(page, f"document.querySelector('.detail h2').textContent === {json.dumps(third['title'])}")
    settled(page)
    answer = api.post("explain", user=USER, item=third["id"])
    assert answer["claims"]
    own = open_panel(page)
    assert without_signs(own.locator("blockquote")) == [answer["text"]]
    shown = "".join(without_signs(own.locator("mark")))
    assert all(claim["text"] in shown for claim in answer["claims"])
    statuses = [text.split()[1] for text in own.locator(".check .status").all_text_contents()]
    assert sorted(statuses) == sorted(claim["status"] for claim in answer["claims"])
    assert set(own.locator(".check .found").all_text_contents()) == {one["found"] for one in answer["claims"]}
    said = own.locator(".check .said").all_text_contents()
    assert all(any(text.endswith(claim["said"]) for text in said) for claim in answer["claims"])
    page.locator(".sign").first.click()
    assert page.evaluate("document.activeElement.className").split()[0] == "claim"
    assert page.locator("mark.is-lit").count() >= 1


def test_what_would_be_without_each(visit: Visit, api: Api) -> None:
    item = api.recommendations(USER)[1]["id"]
    page = settled(visit(f"?user={USER}&item={item}"))
    answer = api.post("explain", user=USER, item=item)
    moving = {one["title"]: one["without"]["rank"] for one in answer["reasons"] if one["without"]}
    moving = {title: rank for title, rank in moving.items() if rank != answer["rank"]}
    more = page.get_by_role("button", name="more")
    if more.count():
        more.click()
    shown = dict(zip(texts(page, ".without .title"), texts(page, ".without .ranks"), strict=True))
    assert shown == {title: f"{answer['rank']} → {rank}" for title, rank in moving.items()}
    assert shown


def test_the_list_moves_when_the_history_changes(visit: Visit, api: Api) -> None:
    page = settled(visit(f"?user={USER}"))
    before, last = ids(page), api.history(USER)[-1]
    switch = page.locator(f".history [role=switch][data-id='{last['id']}']")
    switch.click()
    expected = api.post("what-if", user=USER, without=[last["id"]], add=[], k=10)["after"]
    page.wait_for_selector(".ranking .move")
    settled(page)
    assert ids(page) == [one["id"] for one in expected] != before
    moves = [one["rank_before"] and one["rank_before"] - one["rank"] for one in expected]
    shown = [text.split("from")[0] for text in texts(page, ".ranking .move")]
    for move, text in zip(moves, shown, strict=True):
        assert ("new" in text) if move is None else (str(abs(move)) in text or (move == 0 and "unmoved" in text))
    until(page, "[...document.querySelectorAll('.phrase')].every(each => each.textContent.trim())")
    assert not switch.is_checked()
    assert page.locator(".history li.off").count() == 1
    assert "1 off" in page.locator(".history .count").inner_text()

    added = api.get("items?" + urlencode({"q": "", "limit": 60}))["items"]
    own = {item["id"] for item in api.history(USER)}
    new = next(item for item in added if item["id"] not in own and item["id"] != before[0])
    page.get_by_role("combobox", name="Add an item").fill(new["title"])
    page.locator(".history [role=option]").first.click()
    until(page, "document.querySelector('.history .count').textContent.includes('1 added')")
    settled(page)
    both = api.post("what-if", user=USER, without=[last["id"]], add=[new["id"]], k=10)["after"]
    until(page, f"document.querySelector('.ranking button').dataset.id === {json.dumps(both[0]['id'])}")
    settled(page)
    assert ids(page) == [one["id"] for one in both]
    page.get_by_role("button", name="Undo all changes").click()
    until(page, "!document.querySelector('.ranking .move')")
    settled(page)
    assert ids(page) == before
    assert "without" not in page.url
    assert "add" not in page.url


def test_one_item_must_stay_in_the_history(visit: Visit, api: Api) -> None:
    history = [item["id"] for item in api.history(USER)]
    others = "".join(f"&without={item}" for item in history[1:])
    page = settled(visit(f"?user={USER}{others}"))
    page.locator(f".history [data-id='{history[0]}']").click()
    page.get_by_text("One item must stay in the history.").wait_for(state="attached")
    assert page.locator(f".history [data-id='{history[0]}']").is_checked()


def test_why_not_another_item(visit: Visit, api: Api) -> None:
    first = api.recommendations(USER)[0]
    page = settled(visit(f"?user={USER}"))
    seen = {item["id"] for item in api.history(USER)} | set(ids(page))
    other = next(item for item in api.get("items?limit=60")["items"] if item["id"] not in seen)
    own = panel(page, "Why not …")
    own.get_by_role("combobox").fill(other["title"])
    own.get_by_role("option").first.click()
    page.wait_for_selector(".versus")
    answer = api.post("contrast", user=USER, item=first["id"], other=other["id"])
    assert texts(page, ".versus .title") == [first["title"], other["title"]]
    ranks = [f"rank {answer[side]['rank']}" for side in ("item", "other")]
    assert all(rank in text for rank, text in zip(ranks, texts(page, ".versus p"), strict=True))
    assert own.locator("blockquote").count() == 1
    assert len(texts(page, ".both tbody th")) == len([one for one in answer["reasons"] if one["effect"]])
    assert f"other={other['id']}" in page.url


def test_a_text_of_ones_own_is_checked(visit: Visit, api: Api) -> None:
    first, last = api.recommendations(USER)[0], api.history(USER)[-1]
    text = f"No, it would not be recommended. “{last['title']}” is in the history. Bananas are 🍌 yellow."
    page = settled(visit(f"?user={USER}"))
    own = panel(page, "Check a text")
    own.get_by_role("textbox").fill(text)
    own.get_by_role("button", name="Check it").click()
    own.locator(".in-short").wait_for()
    answer = api.post("check", user=USER, item=first["id"], text=text)
    statuses = [claim["status"] for claim in answer["claims"]]
    assert "contradicted" in statuses
    assert own.locator("mark.contradicted").count() >= 1
    assert len(statuses) == own.locator(".check").count()
    unread = [text[span["start"] : span["end"]] for span in answer["unread"]]
    assert texts(page, ".unread") == [one.strip() for one in unread]
    assert "text=" in page.url.partition("#")[2]
    assert "text=" not in page.url.partition("#")[0]

    own.get_by_role("button", name="Take the explanation").click()
    explanation = api.post("explain", user=USER, item=first["id"])["text"]
    assert own.get_by_role("textbox").input_value() == explanation


def test_two_users_are_compared(visit: Visit, api: Api) -> None:
    other = "u0005"
    page = settled(visit(f"?user={USER}"))
    page.get_by_role("combobox", name="Compare with").fill(other)
    page.locator(".subject header [role=option]").first.click()
    page.wait_for_selector(".sides ol")
    answer = api.get(f"compare?a={USER}&b={other}&k=10")
    lists = page.locator(".sides ol")
    for number, side in enumerate(("a", "b")):
        shown = [text.strip() for text in lists.nth(number).locator("button").all_text_contents()]
        assert shown == [one["title"] for one in answer[side]["recommendations"]]
    assert page.locator(".lines path").count() == len(answer["shared"])
    assert page.locator(".sides li.shared").count() == 2 * len(answer["shared"])
    assert texts(page, ".had li") == [one["title"] for one in answer["shared_history"]]
    page.get_by_role("button", name=f"Back to {USER}").click()
    assert page.locator("h1:visible").inner_text() == USER
    assert page.locator(".comparison").is_hidden()


def test_a_link_shows_another_person_the_same(visit: Visit, api: Api) -> None:
    item, off = api.recommendations(USER)[3]["id"], api.history(USER)[0]["id"]
    page = settled(visit(f"?user={USER}&item={item}"))
    page.locator(f".history [data-id='{off}']").click()
    page.wait_for_selector(".ranking .move")
    settled(page)
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("Link copied.").wait_for(state="attached")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(api.address)
    other = settled(visit(link.removeprefix(api.address + "/")))
    other.wait_for_selector(".ranking .move")
    settled(other)
    for selector in (".ranking .title", ".history .title", ".detail h2", "blockquote", ".without li"):
        assert texts(other, selector) == texts(page, selector)
    page.go_back()
    until(page, "!document.querySelector('.ranking .move')")


def test_all_that_is_shown_is_exported(visit: Visit, api: Api) -> None:
    page = settled(visit(f"?user={USER}"))
    with page.expect_download() as started:
        page.get_by_role("button", name="Export JSON").click()
    saved = started.value
    assert saved.suggested_filename == f"recexplainer-{USER}.json"
    content = json.loads(saved.path().read_text(encoding="utf-8"))
    assert content["link"] == page.url
    assert content["recommendations"] == api.recommendations(USER)
    first = content["recommendations"][0]["id"]
    assert content["explanation"] == api.post("explain", user=USER, item=first)
    assert content["user"]["id"] == USER


def test_markup_in_titles_is_text(visit: Visit, api: Api) -> None:
    titles = [one["title"] for one in api.recommendations(USER)]
    assert any("<script>" in title for title in titles)
    page = settled(visit(f"?user={USER}"))
    assert page.locator("img").count() == 0
    assert page.locator("script:not([src])").count() == 0
    assert page.title() != "run"
    assert titles == texts(page, ".ranking .title")


def test_a_user_that_is_not_there_is_said(visit: Visit) -> None:
    page = visit("?" + urlencode({"user": "<b>nobody</b>"}), expect_errors=True)
    trouble = page.locator(".trouble:visible")
    trouble.first.wait_for()
    assert "nobody" in trouble.first.inner_text() or "user" in trouble.first.inner_text()
    assert page.locator("b", has_text="nobody").locator("b").count() == 0
    assert page.get_by_role("button", name="Try again").first.is_visible()
    assert page.locator(".panes").is_hidden()


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again(visit: Visit, status: int) -> None:
    page = visit(expect_errors=True)
    calls: list[int] = []

    def busy_first(route: Any) -> None:
        calls.append(1)
        if len(calls) > 1:
            route.continue_()
        else:
            body = {"error": {"message": "busy", "location": "", "hint": ""}}
            route.fulfill(status=status, headers={"Retry-After": "1"}, body=json.dumps(body))

    page.route("**/recommendations?*", busy_first)
    page.locator(".users a").first.click()
    why = {429: "The server is busy", 503: "The run is being opened"}[status]
    page.locator("#said", has_text=f"{why}: asked again in 1 second.").wait_for(state="attached")
    settled(page)
    page.locator(".ranking li").nth(9).wait_for()
    assert page.locator(".ranking li").count() == 10
    assert len(calls) == 2


def test_a_server_that_has_gone_is_said_and_asked_again(visit: Visit, run: Any) -> None:
    process, address = start(run)
    Api(address).wait_until_ready()
    page = settled(visit(f"?user={USER}", server=address, expect_errors=True))
    process.kill()
    process.wait()
    page.locator(".ranking button").nth(4).click()
    page.locator(".detail .trouble", has_text="The server does not answer.").wait_for()
    assert page.locator(".ranking li").count() == 10, "what is known is still shown"
    page.get_by_role("button", name="Try again").click()
    page.locator(".detail .trouble", has_text="The server does not answer.").wait_for()


def test_a_key_is_asked_for_and_kept_by_the_tab(visit: Visit, run: Any) -> None:
    process, address = start(run, RECEXPLAINER_SERVER_KEY="a key of some length")
    try:
        page = visit(f"?user={USER}", server=address, expect_errors=True)
        page.get_by_role("textbox", name="Key").fill("a key of some length")
        page.keyboard.press("Enter")
        settled(page)
        page.wait_for_selector(".ranking li")
        page.reload()
        page.wait_for_selector(".ranking li")
        assert not page.locator("dialog").count()
        assert page.evaluate("localStorage.length") == 0
    finally:
        process.kill()
        process.wait()


def test_the_writer_is_offered_only_where_there_are_several(visit: Visit, api: Api) -> None:
    page = settled(visit(f"?user={USER}"))
    name = quote(api.get("v1/models")["models"][0])
    writers = api.get(f"v1/models/{name}")["writers"]
    assert page.locator("#writer").count() == (len(writers) > 1)
