"""The arithmetic of the training steps on this machine."""

from __future__ import annotations

from recexplainer.errors import SurrogateError
from recexplainer.hardware import has_fast_bfloat16, has_fast_int8
from recexplainer.processes import from_first
from recexplainer.surrogate.settings import SurrogateSettings


def choose_precision(settings: SurrogateSettings, on_cpu: bool) -> str:
    """`float32`, `bfloat16` or `int8`: that of the settings, or what is fastest here, the same in all processes.

    Raises SurrogateError where 8-bit integers are asked for on a GPU.
    """
    if settings.precision == "int8" and not on_cpu:
        raise SurrogateError(
            "Products of 8-bit integers are for training on a processor; here is a GPU.",
            location="surrogate.precision",
            hint="Leave it out: a GPU is fast in bfloat16.",
        )
    if settings.precision != "auto":
        return settings.precision
    return from_first(_fastest_precision(settings))


def _fastest_precision(settings: SurrogateSettings) -> str:
    """What is measured to be fastest; measured twice it may differ, so that processes take the first one's word."""
    if settings.can_use_int8 and has_fast_int8():
        return "int8"
    return "bfloat16" if has_fast_bfloat16() else "float32"
