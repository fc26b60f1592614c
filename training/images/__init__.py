"""The image side of pretraining: rasters, patches, views of them, frozen encoders, caches."""
