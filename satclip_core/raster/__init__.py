"""Rasters: one writer interface and what stands behind it."""
