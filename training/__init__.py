"""Pretraining of location encoders with torch; nothing outside this package imports torch."""
