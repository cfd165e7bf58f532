"""Titles that are hard to read out of a text: one within another, of one word, with marks, with a tail."""

HARD_TITLES = (
    "Lantern Keep: The Drowned Stair",
    "Marrow & Thistle",
    "Brink",
    "Orbit's Pocket Console - Slate (204)",
    "Lantern Keep: The Ninth Bell",
    "Velvet Circuit 2",
    "Velvet",
    "Night Ride",
)
