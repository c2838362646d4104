"""Extend a base's tokenizer: new pieces, their check, the report."""
