"""Planted truth: explanations, true and corrupted, of recommenders whose causes are known, to test metrics on."""
