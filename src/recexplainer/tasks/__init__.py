"""What the surrogate is trained and tested on: questions about the recommender and the answers that it gave."""
