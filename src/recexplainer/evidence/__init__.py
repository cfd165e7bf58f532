"""Evidence: what the recommender says of a user and an item, its wording without a language model, and its aspects."""
