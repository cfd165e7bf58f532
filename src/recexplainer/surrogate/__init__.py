"""The surrogate: a language model that answers as the recommender would."""
