"""Tables of points: read, embed, write."""
