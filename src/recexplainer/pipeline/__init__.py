"""The pipeline: a recipe states what to do, stages do it, and a run folder holds what they made."""
