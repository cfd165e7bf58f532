"""The API answers what the package answers, and says of everything else what is wrong."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx2
import pytest
from tests.tiny import sasrec, world

from recexplainer.explanations.checking import check_texts, texts_to_check
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.recommenders.base import User
from recexplainer.recommenders.scoring import score_batches, truncate

USER, ITEM, OTHER = "u0003", "i021", "i040"
DATASET = world()


@cache
def explainer() -> PairExplainer:
    return PairExplainer(DATASET, sasrec())


def had(user: str) -> list[int]:
    return DATASET.history(DATASET.user_index(user)).tolist()


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in items]


def best(history: list[int], k: int) -> list[str]:
    """The own ids of the best items that are not in a history."""
    user = User(truncate(history, sasrec()))
    (batch,) = score_batches(sasrec(), [user])
    (ranked,) = batch.best(DATASET.n_items)
    return [DATASET.item_ids[item] for item in ranked if item not in history][:k]


def got(client: httpx2.Client, path: str, **query: Any) -> Any:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def asked(client: httpx2.Client, path: str, **body: Any) -> Any:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def error(answer: httpx2.Response, status: int) -> dict[str, str]:
    assert answer.status_code == status, answer.text
    return answer.json()["error"]


def test_users_are_found_by_the_beginning_of_an_id(client: httpx2.Client) -> None:
    found = got(client, "/users", q="U000", limit=100)
    assert [one["id"] for one in found["users"]] == [own for own in DATASET.user_ids if own.startswith("u000")]
    assert found["total"] == len(found["users"])
    assert all(one["history_length"] == len(had(one["id"])) for one in found["users"])


def test_users_are_found_by_words_of_a_title_in_the_history(client: httpx2.Client) -> None:
    item = had(USER)[0]
    found = got(client, "/users", q=DATASET.titles[item].upper(), limit=100)
    titles = [DATASET.titles[item].casefold()]
    holders = {
        own
        for own in DATASET.user_ids
        if any(all(word in DATASET.titles[one].casefold() for word in titles[0].split()) for one in had(own))
    }
    assert {one["id"] for one in found["users"]} == holders


def test_without_words_the_first_users_and_items_are_given(client: httpx2.Client) -> None:
    assert ids(got(client, "/users", limit=3)["users"]) == list(DATASET.user_ids[:3])
    found = got(client, "/items", limit=3)
    assert (ids(found["items"]), found["total"]) == (DATASET.item_ids[:3], DATASET.n_items)


def test_nothing_is_found_where_nothing_is_so(client: httpx2.Client) -> None:
    assert got(client, "/users", q="no such words") == {"users": [], "total": 0}
    assert got(client, "/items", q="no such words") == {"items": [], "total": 0}


def test_an_item_is_found_by_its_id_and_by_its_title(client: httpx2.Client) -> None:
    for query in (ITEM, DATASET.titles[DATASET.item_index(ITEM)].lower()):
        assert ITEM in ids(got(client, "/items", q=query)["items"])


def test_a_history_has_what_each_item_does_to_the_first_recommendation(client: httpx2.Client) -> None:
    answer = got(client, f"/users/{USER}")
    assert ids(answer["history"]) == [DATASET.item_ids[item] for item in had(USER)]
    assert answer["item"]["id"] == best(had(USER), 1)[0]
    first = DATASET.item_index(answer["item"]["id"])
    (evidence,) = explainer().evidence([explainer().pair(USER, answer["item"]["id"])])
    effects = dict(zip(evidence.history, evidence.effects, strict=True))
    assert answer["item"]["rank"] == evidence.rank == 1
    assert first == evidence.item
    for one in answer["history"]:
        effect = effects.get(DATASET.item_index(one["id"]))
        if effect is None:  # older than what the recommender looks at
            assert one["effect"] is None
        else:
            assert one["effect"]["value"] == pytest.approx(effect.deletion, abs=1e-4)
            assert (one["effect"]["low"], one["effect"]["high"]) == pytest.approx(effect.span, abs=1e-4)
            assert one["effect"]["ways"].keys() == effect.ways.keys()


def test_a_history_can_be_asked_about_another_item(client: httpx2.Client) -> None:
    assert got(client, f"/users/{USER}", item=ITEM)["item"]["id"] == ITEM


def test_recommendations_are_the_best_items_with_true_phrases(client: httpx2.Client) -> None:
    for user in DATASET.user_ids[:12]:
        answer = got(client, f"/users/{user}/recommendations", k=8)["recommendations"]
        assert ids(answer) == best(had(user), 8)
        for one in answer:
            (evidence,) = explainer().evidence([explainer().pair(user, one["id"])])
            supporters = [DATASET.titles[evidence.history[place]] for place in evidence.by_effect["for"]]
            assert one["rank"] == evidence.rank
            assert len(one["phrase"].split()) <= 12
            if supporters:
                assert supporters[0].split()[0] in one["phrase"]
                assert one["no_reason"] is None
            else:
                assert one["phrase"] == ""
                assert one["no_reason"]


def test_anybody_with_a_history_gets_the_list_of_a_user_with_the_same(client: httpx2.Client) -> None:
    history = [DATASET.item_ids[item] for item in had(USER)]
    of_user = got(client, f"/users/{USER}/recommendations", k=5)
    assert asked(client, "/recommendations", history=history, k=5) == of_user
    assert asked(client, "/recommendations", user=USER, k=5) == of_user


def test_an_explanation_is_that_of_the_package(client: httpx2.Client) -> None:
    answer = asked(client, "/explain", user=USER, item=ITEM)
    (made,) = explainer().explain([explainer().pair(USER, ITEM)])
    assert (answer["text"], answer["rank"], answer["recommended"]) == (made.text, made.rank, made.recommended)
    assert answer["writer"] == "realised"
    claims = [(one["kind"], one["status"], one["found"], one["start"], one["end"]) for one in answer["claims"]]
    assert claims == [(one.kind, one.status, one.found, one.start, one.end) for one in made.claims]
    assert all(one["text"] == made.text[one["start"] : one["end"]] for one in answer["claims"])
    (evidence,) = explainer().evidence([explainer().pair(USER, ITEM)])
    assert [one["without"]["rank"] for one in answer["reasons"]] == list(evidence.ablated_ranks)


def test_an_explanation_can_be_short(client: httpx2.Client) -> None:
    long, short = (asked(client, "/explain", user=USER, item=ITEM, length=length) for length in ("long", "short"))
    assert len(short["text"]) <= len(long["text"])


def test_events_are_the_waiting_the_text_and_the_whole_answer(client: httpx2.Client) -> None:
    body, headers = {"user": "u0005", "item": ITEM}, {"accept": "text/event-stream"}
    answer = client.post("/explain", json=body, headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [tuple(line.split(": ", 1)[1] for line in one.split("\n")) for one in answer.text.strip().split("\n\n")]
    names = [name for name, _ in events]
    assert names[0] == "waiting"
    assert names[-2:] == ["claims", "done"]
    whole = json.loads(events[-2][1])
    assert "".join(json.loads(data) for name, data in events if name == "text") == whole["text"]
    assert whole == asked(client, "/explain", **body)
    assert client.post("/explain", json={**body, "item": "none"}, headers=headers).status_code == 404


def test_a_text_is_checked_as_by_the_package(client: httpx2.Client) -> None:
    title = DATASET.titles[had(USER)[-1]]
    text = f"Yes, because of “{title}”. It stands at rank 1. <script>alert(1)</script> The moon is full."
    answer = asked(client, "/check", user=USER, item=ITEM, text=text)
    rows = [("text", {"user": USER, "item": ITEM, "text": text})]
    (made,) = check_texts(explainer(), texts_to_check(rows, explainer().pair))
    claims = [(one["kind"], one["status"], one["found"], one["start"], one["end"]) for one in answer["claims"]]
    assert claims == [(one.kind, one.status, one.found, one.start, one.end) for one in made.claims]
    assert [(one["start"], one["end"]) for one in answer["unread"]] == list(made.unread)
    assert answer["text"] == text


def test_a_contrast_has_both_items_and_checked_claims(client: httpx2.Client) -> None:
    answer = asked(client, "/contrast", user=USER, item=ITEM, other=OTHER)
    for side, own in (("item", ITEM), ("other", OTHER)):
        assert answer[side]["item"]["id"] == own
        assert answer[side]["rank"] == asked(client, "/explain", user=USER, item=own)["rank"]
    assert {one["status"] for one in answer["claims"]} == {"supported"}
    turned = asked(client, "/contrast", user=USER, item=OTHER, other=ITEM)
    assert ("other way round" in answer["text"]) != ("other way round" in turned["text"])
    assert [one["decides"] for one in turned["reasons"]] == [one["decides"] for one in answer["reasons"]]


def test_an_edit_of_the_history_ranks_anew(client: httpx2.Client) -> None:
    gone, added = DATASET.item_ids[had(USER)[-1]], ITEM
    answer = asked(client, "/what-if", user=USER, without=[gone], add=[added], k=60)
    edited = [*had(USER)[:-1], DATASET.item_index(ITEM)]
    assert ids(answer["history"]) == [DATASET.item_ids[item] for item in edited]
    assert ids(answer["before"]) == best(had(USER), 60)
    assert ids(answer["after"]) == best(edited, 60)
    before, after = ({one["id"]: one for one in answer[side]} for side in ("before", "after"))
    assert after[gone]["rank_before"] is None
    assert before[added]["rank_after"] is None
    for own in before.keys() & after.keys():
        assert before[own]["rank_after"] == after[own]["rank"]
        assert after[own]["rank_before"] == before[own]["rank"]


def test_two_users_are_compared(client: httpx2.Client) -> None:
    answer = got(client, "/compare", a=USER, b="u0007", k=20)
    lists = [best(had(user), 20) for user in (USER, "u0007")]
    assert [ids(answer[side]["recommendations"]) for side in ("a", "b")] == lists
    assert set(ids(answer["shared"])) == set(lists[0]) & set(lists[1])
    shared = {DATASET.item_ids[item] for item in set(had(USER)) & set(had("u0007"))}
    assert set(ids(answer["shared_history"])) == shared


def test_kserve_v1(client: httpx2.Client, run: Path) -> None:
    (name,) = got(client, "/v1/models")["models"]
    assert name == run.name
    about = got(client, f"/v1/models/{name}")
    assert (about["name"], about["ready"], about["writers"]) == (name, True, ["realised"])
    instances = [{"user": USER, "item": ITEM}, {"history": [OTHER], "item": ITEM}]
    answer = asked(client, f"/v1/models/{name}:explain", instances=instances)
    assert answer["explanations"] == [asked(client, "/explain", **one) for one in instances]
    assert error(client.get("/v1/models/other"), 404)["hint"]
    assert error(client.post("/v1/models/other:explain", json={"instances": instances}), 404)["hint"]


@pytest.mark.slow
def test_an_audit_is_made_once(client: httpx2.Client) -> None:
    end = monotonic() + 300
    while (answer := client.get("/audit")).status_code == 202 and monotonic() < end:
        assert answer.headers["retry-after"]
        sleep(1)
    assert answer.status_code == 200
    assert answer.json()["of_users"] == DATASET.n_users
    assert answer.json()["findings"]
    assert client.get("/audit").content == answer.content


def test_health_metrics_and_the_description_of_the_api(client: httpx2.Client) -> None:
    assert got(client, "/health") == {"status": "ok"}
    assert got(client, "/ready") == {"status": "ready"}
    asked(client, "/explain", user=USER, item=ITEM)
    metrics = client.get("/metrics").text
    assert 'recexplainer_requests_total{method="POST",route="/explain",status="200"}' in metrics
    assert "recexplainer_waiting 0.0" in metrics
    routes = got(client, "/openapi.json")["paths"]
    assert {"/users", "/users/{id}", "/explain", "/check", "/contrast", "/what-if", "/audit"} <= routes.keys()


def test_what_was_answered_is_answered_from_the_cache(client: httpx2.Client) -> None:
    def found() -> float:
        lines = client.get("/metrics").text.splitlines()
        return sum(
            float(one.split()[1]) for one in lines if one.startswith('recexplainer_cache_lookups_total{found="true"}')
        )

    first, before = asked(client, "/explain", user="u0009", item=ITEM), found()
    assert asked(client, "/explain", user="u0009", item=ITEM) == first
    assert found() == before + 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "location"),
    [
        ("GET", "/users/nobody", None, 404, "user"),
        ("GET", "/users/", None, 404, "user"),
        ("GET", "/users/nobody/recommendations", None, 404, "user"),
        ("GET", f"/users/{USER}/recommendations?k=0", None, 422, "query.k"),
        ("GET", f"/users/{USER}/recommendations?k=many", None, 422, "query.k"),
        ("GET", f"/users/{USER}/recommendations?k={'9' * 5000}", None, 422, "query.k"),
        ("GET", f"/users/{USER}?item=none", None, 404, "item"),
        ("GET", "/compare?a=u0003", None, 422, "query.b"),
        ("GET", "/nothing", None, 404, ""),
        ("DELETE", "/users", None, 405, ""),
        ("POST", "/explain", {"item": ITEM}, 422, "body"),
        ("POST", "/explain", {"user": USER, "history": [OTHER], "item": ITEM}, 422, "body"),
        ("POST", "/explain", {"user": USER}, 422, "body.item"),
        ("POST", "/explain", {"user": USER, "item": ITEM, "more": 1}, 422, "body.more"),
        ("POST", "/explain", {"user": USER, "item": "none"}, 404, "item"),
        ("POST", "/explain", {"user": USER, "item": 5}, 422, "body.item"),
        ("POST", "/explain", {"history": [], "item": ITEM}, 422, "body.history"),
        ("POST", "/explain", {"history": ["none"], "item": ITEM}, 404, "history[0]"),
        ("POST", "/explain", {"history": [ITEM], "item": ITEM}, 422, "history"),
        ("POST", "/explain", {"history": [OTHER] * 1001, "item": ITEM}, 422, "body.history"),
        ("POST", "/explain", {"user": USER, "item": ITEM, "writer": "surrogate"}, 422, "writer"),
        ("POST", "/explain", {"user": USER, "item": ITEM, "length": "endless"}, 422, "body.length"),
        ("POST", "/check", {"user": USER, "item": ITEM, "text": " \n"}, 422, "body.text"),
        ("POST", "/check", {"user": USER, "item": ITEM, "text": "a" * 20_001}, 422, "body.text"),
        ("POST", "/contrast", {"user": USER, "item": ITEM, "other": ITEM}, 422, "body"),
        ("POST", "/contrast", {"user": USER, "item": ITEM, "other": "none"}, 404, "other"),
        ("POST", "/what-if", {"history": [ITEM], "without": [ITEM]}, 422, "without"),
        ("POST", "/what-if", {"user": USER, "add": ["none"]}, 404, "add[0]"),
        ("POST", "/v1/models/tiny:explain", {"instances": []}, 422, "body.instances"),
    ],
)
def test_what_is_wrong_is_said(
    client: httpx2.Client, method: str, path: str, body: dict[str, Any] | None, status: int, location: str
) -> None:
    said = error(client.request(method, path, json=body), status)
    assert said["location"] == location
    assert said["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"\\ud800"',
        b'{"user": "\\ud800", "item": "i021"}',
        b"\xff\xfe",
        b"[" * 100_000,
        b"9" * 5000,
    ],
)
def test_a_body_that_is_no_question_is_refused(client: httpx2.Client, body: bytes) -> None:
    answer = client.post("/explain", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 404, 422)
    assert answer.json()["error"]["message"]


def test_a_body_must_be_json(client: httpx2.Client) -> None:
    body = json.dumps({"user": USER, "item": ITEM})
    answer = client.post("/explain", content=body, headers={"content-type": "text/plain"})
    assert error(answer, 422)["location"] == "body"
