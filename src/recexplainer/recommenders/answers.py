"""What a recommender's code returned, of whatever library, as checked numbers; and its exceptions as one message.

It knows arrays, tensors, frames and sparse matrices by what they can do, and imports none of their libraries.
"""

from __future__ import annotations

import inspect
import random
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, redirect_stdout
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from recexplainer.errors import RecExplainerError, RecommenderError
from recexplainer.recommenders.base import Floats, User

_ONE_AT_A_TIME = RLock()  # stages may run in threads, and standard output belongs to all of them
_SHOWN = 3  # history items in a message
_LOWEST = np.float32(-1e30)  # below it a score is a mask, as the lowest float32 is for implicit
_ARRAY = "Return a NumPy array of numbers; of scores one row a user, in it a score for every item."
_TEXT = "Ids are text: convert them where your model knows numbers."
_DEBUG = "Correct the code; the option --debug shows the whole traceback."
_OWN_USERS = (
    "It is asked about parts of histories, too, down to one item. "
    "If it knows only its own users' histories, set recommender.function.answers_changed_history: false."
)


def checked_scores(
    answer: Any, users: Sequence[User], n_items: int, location: str, item_ids: Sequence[str] | None = None
) -> Floats:
    """What `scores` returned, as `Float[users, items]`; finite, or -inf where an item is never recommended.

    A frame whose columns are labelled by the `item_ids` is put in their order, however it came. Raises RecommenderError
    where it is no array of numbers, has another shape, holds NaN or +inf, or has no finite score for a user.
    """
    scores = _numbers(_in_order(answer, item_ids, location), "scores", location, len(users))
    if scores.shape == (n_items,) and len(users) == 1:
        scores = scores[None]  # what model(x).squeeze() gives for one user
    if scores.shape != (len(users), n_items):
        raise _wrong_shape(scores.shape, (len(users), n_items), "scores", location)
    scores = np.where(scores < _LOWEST, np.float32(-np.inf), scores)
    wrong, empty = np.argwhere(~(scores < np.inf)), np.argwhere(scores.max(axis=1) == -np.inf)
    if not len(wrong) and not len(empty):
        return _unmasked(scores)
    row, *items = (wrong if len(wrong) else empty)[0].tolist()
    what, hint = "-inf for every item", "Return a finite score for what may be recommended."
    for item in items:
        named = repr(item_ids[item]) if item_ids else f"number {item}"
        what = f"{'NaN' if np.isnan(scores[row, item]) else '+inf'} for the item {named}"
        hint = "Return a finite score for every item, or -inf for one that is never recommended to this user."
    more = f" ({len(wrong):,} scores are NaN or +inf)" if len(wrong) > 1 else ""
    message = f"scores returned {what}, for {asked(users[row], item_ids)}{more}."
    raise RecommenderError(message, location=location, hint=hint)


def checked_vectors(answer: Any, count: int, method: str, location: str) -> Floats:
    """What `item_vectors` or `user_vectors` returned, as finite `Float[count, d]`. Raises RecommenderError else."""
    array = _numbers(answer, method, location, count)
    if array.ndim != 2 or len(array) != count:
        raise _wrong_shape(array.shape, (count, None), method, location)
    if len(rows := np.flatnonzero(~np.isfinite(array).all(axis=1))):
        message = f"{method} returned NaN or infinity in {len(rows):,} rows, first in row {rows[0]} (counted from 0)."
        raise RecommenderError(message, location=location, hint="Return finite numbers only.")
    return array


def asked(user: User, item_ids: Sequence[str] | None = None) -> str:
    """A history and its user in words, for a message: by ids, or by item indices where the ids are not known."""
    ids = item_ids or ()
    shown = [ids[item] if item < len(ids) else str(item) for item in user.history[:_SHOWN]]
    history = ", ".join([*shown, *(["…"] if len(user.history) > _SHOWN else [])])
    return f"the history ({history})" + (f" of user {user.id!r}" if user.id else "")


def call(
    users: Sequence[User], ask: Callable[[Sequence[User]], Any], name: str, item_ids: Sequence[str] | None = None
) -> Any:
    """What somebody's code answers to `ask(users)`; what it raises becomes one RecommenderError.

    The error names the first user for whom it raises, and the line of code. Whatever it prints goes to standard error,
    and the seeds of Python, NumPy and torch are afterwards as before.
    """
    try:
        with undisturbed():
            answer = ask(users)
    except RecExplainerError:
        raise
    except (Exception, SystemExit) as error:
        culprit, raised = _culprit(users, ask, error)
        whom = asked(culprit, item_ids) if culprit else f"the histories of {len(users):,} users together"
        message = f"{name} raised {type(raised).__name__} for {whom}: {described(raised)}."
        hint = f"{_TEXT if isinstance(raised, LookupError) else _DEBUG} {_OWN_USERS}"
        raise RecommenderError(message, location=name, hint=hint) from raised
    if inspect.isawaitable(answer) or inspect.isasyncgen(answer):
        if inspect.iscoroutine(answer):
            answer.close()
        message = f"This function is asynchronous: it returned {type(answer).__name__}."
        raise RecommenderError(message, location=name, hint="Give a plain function: def, not async def.")
    return answer


def described(error: BaseException) -> str:
    """An exception's message on one line, and the line of code that raised it."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.msg} ({Path(error.filename).name}, line {error.lineno})"
    own = Path(__file__).parent
    frames = traceback.extract_tb(error.__traceback__)
    foreign = [one for one in frames if Path(one.filename).parent != own and "<frozen" not in one.filename]
    theirs = [one for one in foreign if "site-packages" not in one.filename] or foreign
    place = f" ({Path(theirs[-1].filename).name}, line {theirs[-1].lineno})" if theirs else ""
    return f"{' '.join(str(error).split()) or 'without a message'}{place}"


@contextmanager
def undisturbed() -> Generator[None]:
    """Whatever the block prints goes to standard error, and global seeds are afterwards as before."""
    torch: Any = sys.modules.get("torch")
    with _ONE_AT_A_TIME:
        own, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002
        torchs = torch.random.get_rng_state() if torch else None
        try:
            with redirect_stdout(sys.stderr):
                yield
        finally:
            random.setstate(own)
            np.random.set_state(numpys)  # noqa: NPY002
            if torchs is not None:
                torch.random.set_rng_state(torchs)


def _culprit(
    users: Sequence[User], ask: Callable[[Sequence[User]], Any], error: BaseException
) -> tuple[User | None, BaseException]:
    """The first user for whom it raises when asked alone, found by halves, and what it raises then."""
    some, raised = list(users), error
    while len(some) > 1:
        half = some[: len(some) // 2]
        found = _raised(half, ask)
        some, raised = (half, found) if found else (some[len(half) :], raised)
    if len(users) > 1:
        raised = _raised(some, ask)
    return (some[0], raised) if some and raised else (None, error)


def _raised(users: Sequence[User], ask: Callable[[Sequence[User]], Any]) -> BaseException | None:
    """What it raises for these users; None if nothing."""
    try:
        with undisturbed():
            ask(users)
    except (Exception, SystemExit) as error:
        return error
    return None


def _in_order(answer: Any, item_ids: Sequence[str] | None, location: str) -> Any:
    """A frame with its columns in the order of the items, where it labels them by item; else as it is."""
    labels = getattr(answer, "columns", None)
    if item_ids is None or labels is None or type(labels).__name__ == "RangeIndex":
        return answer
    columns = [str(label) for label in labels]
    if columns == list(item_ids) or set(item_ids).isdisjoint(columns):
        return answer
    given, needed = Counter(columns), Counter(item_ids)
    if wrong := next(iter((needed - given) or (given - needed)), ""):
        message = f"The frame's columns are items, but not those of the catalogue: for example {wrong!r}."
        raise RecommenderError(message, location=location, hint="Give one column for each item of `items`.")
    place = {label: at for at, label in enumerate(columns)}
    order = [place[one] for one in item_ids]
    return answer.iloc[:, order] if hasattr(answer, "iloc") else answer[:, order]


def _unmasked(scores: Floats) -> Floats:
    """-inf for what a finite number masks, such as -1e9 or -9999.

    It is one number but for rounding, below a user's other scores by a hundred times what these differ or are at most.
    """
    best = scores.max(axis=1)
    for row in np.flatnonzero(scores.min(axis=1) < -100 * np.maximum(np.abs(best), 1)):
        ordered = np.sort(scores[row][scores[row] > -np.inf]).astype(np.float64)
        gaps, spread = np.diff(ordered), np.maximum(best[row] - ordered[1:], max(abs(best[row]), 1))
        last = np.flatnonzero((gaps > 100 * spread) & (ordered[:-1] - ordered[0] < 0.001 * gaps))[-1:]
        scores[row, np.isin(scores[row], ordered[: last[0] + 1] if len(last) else ())] = -np.inf
    return scores


def _numbers(answer: Any, method: str, location: str, rows: int) -> Floats:
    """Real numbers as an array of any shape; RecommenderError where it is none."""
    try:
        array = as_array(answer, rows + 1)
        texts = array.dtype == object and any(isinstance(one, str | bytes) for one in array.ravel())
        if array.dtype.names:
            raise TypeError(f"a structured array with the fields {', '.join(array.dtype.names)}")
        if texts or array.dtype.kind in "USMmcV":
            raise TypeError(f"it holds {'complex numbers' if array.dtype.kind == 'c' else 'no numbers'}")
        with np.errstate(over="ignore"):
            return array.astype(np.float32)
    except Exception as error:
        inner = f" of {type(answer[0]).__name__}" if isinstance(answer, list | tuple) and answer else ""
        kind = "None" if answer is None else f"{type(answer).__name__}{inner}"
        message = f"{method} did not return an array of numbers but {kind}: {' '.join(str(error).split())}."
        raise RecommenderError(message, location=location, hint=_ARRAY) from error


def as_array(answer: Any, most: int | None = None) -> NDArray[Any]:
    """The array that a library's object holds, on whatever device, with or without gradients; what is masked is -inf.

    Of a generator at most so many rows. Raises TypeError, ValueError or what the library does where it is none.
    """
    if answer is None:
        raise TypeError("its return statement may be missing")
    if inspect.isgenerator(answer):
        answer = list(islice(answer, most))
    first: Any = answer
    while isinstance(first, list | tuple) and first:
        first = cast("Sequence[Any]", first)[0]
    if isinstance(answer, list | tuple) and not isinstance(first, int | float | np.ndarray):
        return np.stack([as_array(np.nan if one is None else one, most) for one in cast("Sequence[Any]", answer)])
    if isinstance(answer, np.ma.MaskedArray):
        return np.ma.filled(answer.astype(np.float64), -np.inf)  # what is masked is not recommended
    if hasattr(answer, "__dlpack__") and not hasattr(answer, "__array__"):
        import torch

        answer = torch.from_dlpack(answer)
    if callable(detach := getattr(answer, "detach", None)):
        tensor: Any = detach()
        return (tensor if tensor.is_complex() else tensor.float()).cpu().to_dense().numpy()
    for method in ("toarray", "to_numpy"):  # of scipy.sparse; of frames
        if hasattr(answer, method):
            return np.asarray(getattr(answer, method)())
    return np.asarray(answer)


def _wrong_shape(
    shape: tuple[int, ...], expected: tuple[int, int | None], method: str, location: str
) -> RecommenderError:
    rows, width = expected
    hint = "Return one row a user (of item vectors: an item), and of scores one column an item."
    if len(shape) == 2 and shape == expected[::-1]:
        hint = f"Rows and columns seem to be exchanged: return the transposed array. {hint}"
    elif shape == (width,):
        hint = f"One row was returned where {rows} are needed. {hint}"
    elif len(shape) == 2 and shape[0] == rows and width and abs(shape[1] - width) == 1:
        hint = f"One column {'less' if shape[1] < width else 'more'}: is there a row for padding? {hint}"
    message = f"{method} returned the shape {shape}, where ({rows}, {width or 'any width'}) is expected."
    return RecommenderError(message, location=location, hint=hint)
