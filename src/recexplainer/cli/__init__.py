"""The command line. A command loads torch and the like when it is called, not before."""

from recexplainer.cli.app import main

__all__ = ["main"]
