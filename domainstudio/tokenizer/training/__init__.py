"""Make vocabularies: cut text to types, count, merge or fit, and measure every size."""
