"""Find near-duplicates, judge pairs, mark what goes."""
