"""Experiments of the papers again, each imported when it is called."""
