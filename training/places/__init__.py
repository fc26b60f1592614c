"""Where is trained: places sampled or read, land masks, batches of places with their images."""
