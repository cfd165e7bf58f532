from __future__ import annotations

from dataclasses import replace

from recexplainer.explanations.drafting import citable
from recexplainer.tasks.evidence import Evidence


def test_only_what_matters_may_be_cited() -> None:
    effects = (0.1, -0.9, 0.0, 0.5, 0.2)
    known = Evidence(
        history=(7, 8, 9, 10, 11),
        item=3,
        recommended=True,
        score=1.0,
        rank=1,
        n_ranked=20,
        effects=effects,
        shared=((),) * 5,
        spread=1.0,
    )
    assert set(citable(known)) == {8, 10, 11, 3}
    assert set(citable(replace(known, history=(7,), effects=(0.0,), shared=((),)))) == {7, 3}
    many = replace(known, history=tuple(range(20, 40)), effects=tuple(map(float, range(20))), shared=((),) * 20)
    assert set(citable(many)) == {36, 37, 38, 39, 3}
    one_against = replace(many, effects=(-1.0, *many.effects[1:]))
    assert set(citable(one_against)) == {20, 37, 38, 39, 3}, "the other side is heard too"
