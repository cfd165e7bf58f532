"""The human study: explanations handed out without names, and the ratings that come back."""
