"""One run: its processes, its folder, the loop, what it tells, from settings to a model file."""
