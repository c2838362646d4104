"""Import, look through, judge and widen the text."""
