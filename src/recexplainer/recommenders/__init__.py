"""Recommenders: the contract, the kinds there are, scoring in batches, and attribution."""
