"""The pipeline: a recipe says what to do, stages do it, and a run folder holds what they made."""
