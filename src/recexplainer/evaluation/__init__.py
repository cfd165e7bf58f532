"""Evaluation: one file an evaluation, each writing result rows."""
