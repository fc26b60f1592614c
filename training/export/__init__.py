"""From trained weights to a model file, its card and a checkpoint as the release has them."""
