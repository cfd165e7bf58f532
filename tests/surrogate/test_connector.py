from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.tiny import ARCHITECTURES, SETTINGS, alignment, examples, fresh, sasrec, world

from recexplainer.errors import SurrogateError
from recexplainer.surrogate.batching import encode_questions
from recexplainer.surrogate.connector import Connector, EncoderInput, inject
from recexplainer.surrogate.decoding import Decoder
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.prompt import Encoder, Form, Placeholder, render
from recexplainer.surrogate.settings import SurrogateSettings, TitleSettings
from recexplainer.surrogate.training import new_surrogate
from recexplainer.tasks.wording import load_wording


def test_equation_1_by_hand() -> None:
    connector = Connector(2, 3, 2)
    first, bias = torch.tensor([[1.0, 0.0], [0.5, -1.0], [2.0, 1.0]]), torch.tensor([0.0, 0.5, -1.0])
    second = torch.tensor([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
    connector.load_state_dict({"first.weight": first, "first.bias": bias, "second.weight": second})
    vector = (0.3, -0.2)

    def gelu(x: float) -> float:
        return x * 0.5 * (1 + math.erf(x / math.sqrt(2)))

    inner = [gelu(x) for x in (0.3, 0.15 + 0.2 + 0.5, 0.6 - 0.2 - 1.0)]
    expected = [inner[0] + 2 * inner[1], -inner[1] + 3 * inner[2]]
    np.testing.assert_allclose(connector(torch.tensor([vector])).detach().numpy()[0], expected, rtol=1e-5)


def test_the_second_layer_has_no_bias() -> None:
    connector = Connector(4, 8, 6)
    assert set(connector.state_dict()) == {"first.weight", "first.bias", "second.weight"}


def stretched(count: int, size: float, seed: int = 0) -> torch.Tensor:
    """Vectors far from the origin, most of whose spread lies in a few directions."""
    torch.manual_seed(seed)
    return size * (torch.randn(count, 16) * torch.logspace(0, -1, 16) + 3.0) @ torch.linalg.qr(torch.randn(16, 16))[0]


@pytest.mark.parametrize("size", [0.01, 1.0, 50.0])
def test_started_for_vectors_it_sees_all_their_directions_and_writes_values_of_the_size_of_embeddings(
    size: float,
) -> None:
    connector, vectors = Connector(16, 512, 64), stretched(2000, size)
    connector.start_for(vectors, 0.02)
    inner = connector.first(vectors).detach()
    assert float(inner.mean(0).abs().max()) < 0.05
    kept = torch.linalg.svdvals(inner - inner.mean(0))[:16]
    assert float(kept[0] / kept[-1]) < 3, "the widest direction does not drown the narrowest"
    assert float(connector(vectors).detach().std()) == pytest.approx(0.02, rel=0.4)


def test_known_vectors_read_as_the_embeddings_that_they_are_given() -> None:
    vectors, embeddings = stretched(200, 0.3), torch.randn(200, 24)
    connector = Connector(16, 1024, 24)
    connector.start_for(vectors, 0.02)
    connector.read_as(vectors, embeddings, known=True)
    missed = (connector(vectors).detach() - embeddings).pow(2).mean() / embeddings.var()
    assert float(missed) < 0.02


def test_of_some_vectors_what_others_have_in_common_with_them_is_learned_and_no_noise() -> None:
    vectors, wanted = stretched(1200, 0.3), torch.randn(16, 24)
    embeddings = vectors @ wanted + 2.0 * torch.randn(1200, 24)
    connector = Connector(16, 512, 24)
    connector.start_for(vectors, 0.02)
    connector.read_as(vectors[:1000], embeddings[:1000], known=False)
    missed = (connector(vectors[1000:]).detach() - vectors[1000:] @ wanted).pow(2).mean()
    assert float(missed) < 0.25 * float((vectors @ wanted).var())
    assert float(missed) < 2.0, "half of the noise at most"


def test_a_user_reads_as_the_items_that_score_highest() -> None:
    items, users = stretched(200, 0.3), torch.randn(600, 16)
    reader, users_reader = Connector(16, 2048, 64), Connector(16, 2048, 64)
    reader.start_for(items, 0.02)
    reader.read_as(items, torch.randn(200, 64), known=True)
    users_reader.start_from(reader, items, users[:500])
    origin = reader(items).detach().mean(0)
    alike = (users_reader(users).detach() - origin) @ (reader(items).detach() - origin).T
    best = (users @ items.T).topk(5, dim=1).indices
    hits = (alike.argmax(1, keepdim=True) == best).any(1).float()
    assert float(hits[:500].mean()) > 0.9
    assert float(hits[500:].mean()) > 0.5, "users that it was not fitted to"


def test_inject_replaces_exactly_the_positions() -> None:
    embeddings = torch.arange(24.0).reshape(2, 4, 3)
    projected = torch.tensor([[-1.0, -2.0, -3.0], [-4.0, -5.0, -6.0]])
    result = inject(embeddings, torch.tensor([6, 1]), torch.tensor([1, 1]), projected)
    expected = torch.arange(24.0).reshape(2, 4, 3)
    expected[1, 2], expected[0, 1] = projected[0], projected[1]
    assert torch.equal(result, expected)
    assert torch.equal(embeddings, torch.arange(24.0).reshape(2, 4, 3)), "the input stays as it is"


def test_inject_takes_the_precision_of_the_embeddings() -> None:
    result = inject(torch.zeros(1, 2, 3, dtype=torch.bfloat16), torch.tensor([0]), torch.tensor([1]), torch.ones(1, 3))
    assert result.dtype == torch.bfloat16


@pytest.mark.parametrize(("positions", "vectors"), [(3, 2), (1, 4), (0, 1)])
def test_a_wrong_number_of_vectors_names_both_counts(positions: int, vectors: int) -> None:
    with pytest.raises(SurrogateError, match=f"{positions} placeholders for vectors, but {vectors} vectors"):
        inject(
            torch.zeros(1, 6, 2),
            torch.arange(positions),
            torch.ones(positions, dtype=torch.int64),
            torch.ones(vectors, 2),
        )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_vectors_are_at_their_positions_and_nowhere_else(architecture: str) -> None:
    surrogate = fresh("hybrid", architecture)
    ids = torch.tensor([[5, 0, 7, 0], [8, 9, 0, 11]])
    users, items = torch.randn(1, surrogate.vector_width), torch.randn(2, surrogate.vector_width)
    with torch.no_grad():
        inputs: dict[str, EncoderInput] = {
            "user": {"positions": torch.tensor([1]), "taken": torch.tensor([1]), "vectors": users},
            "item": {"positions": torch.tensor([3, 6]), "taken": torch.tensor([1, 1]), "vectors": items},
        }
        embedded = surrogate.embed(ids, inputs)
        expected = surrogate.embeddings(ids)
        expected[0, 1] = surrogate.connector("user")(users)[0]
        expected[0, 3], expected[1, 2] = surrogate.connector("item")(items)
    torch.testing.assert_close(embedded, expected)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_gradients_reach_every_connector_through_the_backbone(architecture: str) -> None:
    surrogate = fresh("hybrid", architecture)
    ids = torch.tensor([[5, 0, 0, 7, 9]])
    widths: dict[Encoder, int] = {"user": surrogate.vector_width, "item": surrogate.vector_width, "similarity": 2}
    inputs: dict[str, EncoderInput] = {
        encoder: {"positions": torch.tensor([at]), "taken": torch.tensor([1]), "vectors": torch.randn(1, width)}
        for at, (encoder, width) in enumerate(widths.items(), start=1)
    }
    surrogate.zero_grad()
    surrogate(ids, torch.tensor([9]), torch.tensor([3]), inputs)["loss"].backward()
    for encoder in widths:
        weights = surrogate.connector(encoder).parameters()
        assert all(weight.grad is not None and float(weight.grad.abs().sum()) > 0 for weight in weights)
    surrogate.zero_grad()


def test_vectors_that_are_all_zero_read_as_something_finite() -> None:
    items, nobody = stretched(50, 0.3), torch.zeros(20, 16)
    reader, users_reader = Connector(16, 64, 8), Connector(16, 64, 8)
    reader.start_for(items, 0.02)
    users_reader.start_from(reader, items, nobody)
    nobody_reader = Connector(16, 64, 8)
    torch.nn.init.zeros_(nobody_reader.first.bias)
    nobody_reader.read_as(nobody, torch.ones(20, 8), known=False)
    assert all(bool(one(nobody).isfinite().all()) for one in (users_reader, nobody_reader))


@pytest.fixture(name="spread")
def _spread() -> Surrogate:
    """A surrogate that reads items as three tokens of their titles, too."""
    return new_surrogate("hybrid", alignment(), with_titles()).eval()


def test_as_many_embeddings_of_a_vector_as_are_taken_stand_from_its_position_on() -> None:
    embeddings, projected = torch.zeros(2, 5, 2), torch.arange(1.0, 13.0).reshape(3, 4)
    result = inject(embeddings, torch.tensor([1, 8, 6]), torch.tensor([2, 2, 1]), projected)
    expected, each = torch.zeros(2, 5, 2), projected.view(3, 2, 2)
    expected[0, 1:3], expected[1, 3:5], expected[1, 1] = each[0], each[1], each[2, 0]
    assert torch.equal(result, expected)


def with_titles() -> SurrogateSettings:
    return SETTINGS.model_copy(update={"titles": TitleSettings(most_positions=3, width=256)})


def test_an_item_may_be_read_as_the_tokens_of_its_title_from_the_start(spread: Surrogate) -> None:
    vectors, words = torch.from_numpy(sasrec().item_vectors()), spread.embeddings.weight.detach()
    read = spread.connector("title")(vectors).detach().view(len(vectors), 3, -1)
    alike = torch.nn.functional.normalize(read, dim=-1) @ torch.nn.functional.normalize(words, dim=-1).T
    titles = spread.prompt_encoder(world().titles).title_ids
    first = np.mean([int(alike[item, 0].argmax()) == ids[0] for item, ids in enumerate(titles)])
    second = np.mean([int(alike[item, 1].argmax()) == ids[1] for item, ids in enumerate(titles) if len(ids) > 1])
    assert min(first, second) > 0.9
    others = [spread.connector(encoder).second.out_features for encoder in ("user", "item", "similarity")]
    assert others == [words.shape[1]] * 3, "what is no title keeps one"


def test_a_title_follows_an_item_only_where_it_is_not_text(spread: Surrogate) -> None:
    ranking = next(one for one in examples().test if one.task == "ranking")
    expected: dict[Form, int] = {"behavior": 0, "intention": len(ranking.items), "hybrid": 0}
    for form, read in expected.items():
        prompt = render(ranking, form, load_wording()["ranking", ""][0], world().titles)
        held = spread.prompt_encoder(world().titles)(prompt).placeholders
        titles = [(at, taken, one.items) for at, taken, one in held if one.encoder == "title"]
        assert len(titles) == read
        assert all((at - 1, 1, Placeholder("item", items)) in held for at, _, items in titles)
        ids = spread.prompt_encoder(world().titles).title_ids
        assert [taken for _, taken, _ in titles] == [min(3, len(ids[item])) for _, _, (item,) in titles]
    prompt = render(ranking, "intention", load_wording()["ranking", ""][0], world().titles)
    plain = new_surrogate("hybrid", alignment(), SETTINGS).prompt_encoder(world().titles)(prompt)
    assert all(one.encoder != "title" for _, _, one in plain.placeholders)


def test_with_titles_a_surrogate_answers_saves_and_batches_as_without(tmp_path: Path) -> None:
    spread = new_surrogate("intention", alignment(), with_titles()).eval()
    some = [one for one in examples().test if one.task in ("ranking", "classification")][:6]
    asked = encode_questions(spread, world(), sasrec(), some)
    together = Decoder(spread, world().titles).greedy(asked, 8)
    alone = [Decoder(spread, world().titles).greedy(asked.subset([row]), 8)[0] for row in range(len(some))]
    assert together == alone
    spread.save_pretrained(tmp_path)
    assert Decoder(Surrogate.from_pretrained(tmp_path), world().titles).greedy(asked, 8) == together
