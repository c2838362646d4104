"""The duplicates pane: threshold and what it removes, the random sample, and the pair to judge."""
