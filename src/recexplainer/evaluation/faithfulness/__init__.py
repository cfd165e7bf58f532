"""Faithfulness: whether what a text says of f holds, measured by asking f again without what the text cites.

It needs the records alone, whoever wrote the texts. Each removal metric stands between two bounds computed on the same
cases: citing at random, and citing what attribution finds. Sources: ERASER (DeYoung et al. 2020) for comprehensiveness,
sufficiency and their area over the perturbation curve (AOPC); Hase and Bansal (2020) for simulatability.
"""

from recexplainer.evaluation.faithfulness.rows import evaluate_faithfulness
from recexplainer.evaluation.faithfulness.values import BOUNDED, LOWER_IS_BETTER, faithfulness_values

__all__ = ["BOUNDED", "LOWER_IS_BETTER", "evaluate_faithfulness", "faithfulness_values"]
