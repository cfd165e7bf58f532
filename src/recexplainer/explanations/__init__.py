"""Explanations: the record, who writes it, and what the recommender says of it."""
