"""Models of large tables."""
