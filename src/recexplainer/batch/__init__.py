"""Millions of explanations as Parquet: of pairs, or of each user's best items, in parts, complete or absent."""
