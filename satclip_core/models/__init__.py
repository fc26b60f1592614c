"""Model files that come with the package, and their cards."""
