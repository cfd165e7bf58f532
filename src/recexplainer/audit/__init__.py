"""The audit of a recommender as a whole: what decides its lists, how far, for whom, and what changed between two."""
