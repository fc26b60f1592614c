"""Modalities of a run: what is known of its places beside imagery, opened and kept."""
