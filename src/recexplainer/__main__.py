"""`python -m recexplainer`: the command line."""

from recexplainer.cli import main

main()
