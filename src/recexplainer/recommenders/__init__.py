"""Recommenders f: the contract, the ones we fit ourselves, and questions to f alone."""
