import numpy as np
import pytest
from tests.tiny import histories, sasrec, world

from recexplainer.evidence.evidence import gather_evidence
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.explanations.record import Method
from recexplainer.explanations.templates import TEMPLATES, template_texts
from recexplainer.recommenders.base import User

PAIRS = [(User(history, f"u{number}"), 7 * number + 3) for number, history in enumerate(histories(5, (1, 4, 6)))]


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_has_the_verdict_of_the_recommender_and_names_three(template: str) -> None:
    known = gather_evidence(sasrec(), world(), [user for user, _ in PAIRS], [item for _, item in PAIRS])
    texts = template_texts(template, known, world())
    for text, one, record in zip(
        texts, known, PairExplainer(world(), sasrec()).records(Method(template), PAIRS, texts), strict=True
    ):
        assert text.startswith("Yes" if one.recommended else "No")
        named = [claim.item for claim in record.claims if claim.kind in ("positive", "negative")]
        assert len(named) == min(3, len(one.history)) and set(named) <= set(one.history)
        assert {claim.kind for claim in record.claims} & {"positive", "negative"} == {
            "positive" if one.recommended else "negative"
        }


def test_the_names_of_methods() -> None:
    assert TEMPLATES == ("template_recent", "template_popular")


def test_what_is_named_follows_the_rule() -> None:
    user, item = max(PAIRS, key=lambda pair: len(pair[0].history))
    known = gather_evidence(sasrec(), world(), [user], [item])
    recent, popular = (template_texts(template, known, world())[0] for template in TEMPLATES)
    assert all(f"“{world().titles[seen]}”" in recent for seen in user.history[-3:])
    counts = np.bincount(world().sequence, minlength=world().n_items)
    most = max(user.history, key=lambda seen: counts[seen])
    assert f"“{world().titles[most]}”" in popular.split(",")[1]
