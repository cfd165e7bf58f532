"""The routes of the API: what a request names is found here, and the desk answers."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST

from recexplainer.errors import DataError
from recexplainer.explanations.writing import Style
from recexplainer.recommenders.base import User
from recexplainer.server import answers, questions
from recexplainer.server.desk import Desk, Kind
from recexplainer.server.finding import NotFoundError
from recexplainer.server.service import HistoryAsked, ListAsked, Service, TextAsked, TwoItems, TwoLists
from recexplainer.server.state import State
from recexplainer.server.streaming import MEDIA_TYPE, events
from recexplainer.server.views import item as item_view

_JSON = "application/json"
_WITHOUT_WAITING = 0.05  # seconds
Search = Annotated[str, Query(max_length=questions.ID_LENGTH)]
Limit = Annotated[int, Query(ge=1, le=questions.MOST_ITEMS)]
Id = Annotated[str, Query(min_length=1, max_length=questions.ID_LENGTH)]


def _state(request: Request) -> State:
    return request.app.state.server


def _desk(request: Request) -> Desk:
    return _state(request).desk()


def _service(request: Request) -> Service:
    return _desk(request).service


FromDesk = Annotated[Desk, Depends(_desk)]
FromService = Annotated[Service, Depends(_service)]
FromState = Annotated[State, Depends(_state)]
_FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"model": answers.Failure} for status in (400, 401, 404, 408, 413, 421, 422, 429, 503)
}
router = APIRouter(responses=_FAILURES)
open_router = APIRouter()


@router.get("/users")
def users(service: FromService, q: Search = "", limit: Limit = 20) -> answers.Users:
    """Users whose id begins so, or who have had an item with such a title; without `q` the first ones."""
    found, total = service.find.users_like(q, limit)
    lengths, ids = service.dataset.history_lengths, service.dataset.user_ids
    shown = [answers.UserFound(id=ids[row], history_length=int(lengths[row])) for row in found]
    return answers.Users(users=shown, total=total)


@router.get("/items")
def items(service: FromService, q: Search = "", limit: Limit = 20) -> answers.Items:
    """Items whose title has these words, or with this id; without `q` the first ones."""
    found, total = service.find.items_like(q, limit)
    return answers.Items(items=[item_view(service.dataset, row) for row in found], total=total)


@router.get("/users/{id:path}/recommendations", response_model=answers.Recommendations)
async def recommendations(desk: FromDesk, id: str, k: Limit = 10) -> Response:
    """The best items for a user, each with the reason in at most twelve words."""
    return await _json(desk, Kind("recommend"), ListAsked(desk.service.find.user(id), k), k)


@router.get("/users/{id:path}", response_model=answers.History)
async def user(desk: FromDesk, id: str, item: Id | None = None) -> Response:
    """A user's history, and what each item does to the first recommendation, or to `item`."""
    find = desk.service.find
    asked = HistoryAsked(find.user(id), None if item is None else find.item(item))
    return await _json(desk, Kind("history"), asked)


@router.post("/recommendations", response_model=answers.Recommendations)
async def recommend(desk: FromDesk, body: questions.Recommend) -> Response:
    """The best items for anybody, each with the reason in at most twelve words."""
    return await _json(desk, Kind("recommend"), ListAsked(_who(desk, body), body.k), body.k)


@router.post(
    "/explain",
    response_model=answers.Explanation,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)
async def explain(request: Request, desk: FromDesk, body: questions.Explain) -> Response:
    """Why an item is or is not recommended; with `Accept: text/event-stream` as events, for a writer that is slow."""
    kind, pair = _writing(desk, body), _pair(desk, body)
    if MEDIA_TYPE not in request.headers.get("accept", ""):
        return await _json(desk, kind, pair)
    answer = asyncio.ensure_future(desk.answer(kind, pair))
    await asyncio.wait([answer], timeout=_WITHOUT_WAITING)
    if answer.done():
        answer.result()  # what is refused without waiting is refused as anywhere else
    return StreamingResponse(events(answer, desk.queue), media_type=MEDIA_TYPE)


@router.post("/check", response_model=answers.Checked)
async def check(desk: FromDesk, body: questions.Check) -> Response:
    """What anybody's text claims of a recommendation, and whether it holds."""
    user, item = _pair(desk, body)
    return await _json(desk, Kind("check"), TextAsked(user, item, body.text))


@router.post("/contrast", response_model=answers.ContrastAnswer)
async def contrast(desk: FromDesk, body: questions.Contrast) -> Response:
    """Why one item and not another, from one question to the recommender about both."""
    who, find = _who(desk, body), desk.service.find
    item, other = find.item(body.item), find.item(body.other, "other")
    without = User(tuple(seen for seen in who.history if seen != other), who.id)
    user, _ = desk.service.pair(without, item)
    return await _json(desk, Kind("contrast"), TwoItems((user, item), (user, other)), 2)


@router.post("/what-if", response_model=answers.WhatIfAnswer)
async def what_if(desk: FromDesk, body: questions.WhatIf) -> Response:
    """A user's list before and after an edit of the history."""
    who, find = _who(desk, body), desk.service.find
    without, added = find.items(body.without, "without"), tuple(dict.fromkeys(find.items(body.add, "add")))
    gone = {*without, *added}
    edited = tuple(seen for seen in who.history if seen not in gone) + added
    if not edited:
        what, hint = "Nothing is left of the history.", "Leave an item in it, or add one."
        raise DataError(what, location="without", hint=hint)
    return await _json(desk, Kind("what_if"), TwoLists(who, User(edited, who.id), body.k))


@router.get("/compare", response_model=answers.Comparison)
async def compare(desk: FromDesk, a: Id, b: Id, k: Limit = 10) -> Response:
    """The lists of two users, and what they share."""
    find = desk.service.find
    return await _json(desk, Kind("compare"), TwoLists(find.user(a), find.user(b), k))


@router.get("/audit", response_model=answers.AuditAnswer, responses={202: {"model": answers.State}})
async def audit(state: FromState) -> Response:
    """The recommender as a whole: made when it is first asked for; until it is there, a 202."""
    state.desk()
    if (found := await state.auditing.answer()) is None:
        waits = answers.State(status="the audit is being made")
        return Response(waits.model_dump_json(), 202, {"Retry-After": "5"}, media_type=_JSON)
    return Response(found, media_type=_JSON)


@router.get("/v1/models")
async def models(service: FromService) -> answers.Models:
    """The name of the run, as KServe's V1 protocol has it."""
    return answers.Models(models=[service.name])


@router.post("/v1/models/{name}:explain", response_model=answers.Explanations)
async def explain_instances(desk: FromDesk, name: str, body: questions.Instances) -> Response:
    """Why items are or are not recommended, as KServe's V1 protocol has it: all of the pairs, or a failure."""
    _check_name(desk.service, name)
    kind, pairs = _writing(desk, body), [_pair(desk, one) for one in body.instances]
    made = await asyncio.gather(*(desk.answer(kind, pair) for pair in pairs))
    return Response(b'{"explanations":[' + b",".join(made) + b"]}", media_type=_JSON)


@router.get("/v1/models/{name}")
async def model(service: FromService, name: str) -> answers.Model:
    """Whether the run is ready, as KServe's V1 protocol has it; who can write for it, and the size of the data."""
    _check_name(service, name)
    data, writers = service.dataset, list(service.writers)
    sizes = {"users": data.n_users, "items": data.n_items, "interactions": data.n_interactions}
    return answers.Model(name=name, ready=True, writers=writers, version=service.version, **sizes)


@open_router.get("/health")
async def health() -> answers.State:
    """Whether the server is there."""
    return answers.State(status="ok")


@open_router.get("/ready", responses={503: {"model": answers.Failure}})
async def ready(state: FromState) -> answers.State:
    """Whether questions are answered."""
    state.desk()
    return answers.State(status="ready")


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(state: FromState) -> Response:
    """What is measured, in the text format of Prometheus."""
    return Response(state.metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _check_name(service: Service, name: str) -> None:
    if name != service.name:
        raise NotFoundError("There is no such model.", location="name", hint="GET /v1/models names it.")


async def _json(desk: Desk, kind: Kind, question: Any, weight: int = 1) -> Response:
    return Response(await desk.answer(kind, question, weight), media_type=_JSON)


def _who(desk: Desk, body: questions.Who) -> User:
    find = desk.service.find
    return find.user(body.user) if body.user else User(find.items(body.history, "history"))


def _pair(desk: Desk, body: questions.AboutItem) -> tuple[User, int]:
    return desk.service.pair(_who(desk, body), desk.service.find.item(body.item))


def _writing(desk: Desk, body: questions.Manner) -> Kind:
    style = Style(body.aspect, body.audience, body.length)
    return Kind("explain", desk.service.writer(body.writer, style), style)
