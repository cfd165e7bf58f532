"""Synthetic ground truth: recommenders with known causes, by which metrics of explanations are tested."""
