"""Claims: what a text says of a recommendation, linked to the catalogue, and whether each claim holds."""
