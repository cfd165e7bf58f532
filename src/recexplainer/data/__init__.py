"""Catalogues and histories: reading, cleaning, filtering and splitting them. Knows nothing of recommenders."""
