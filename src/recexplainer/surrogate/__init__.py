"""The surrogate g: a language model that answers as the recommender f would."""
