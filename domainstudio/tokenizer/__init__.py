"""Tokenizer: train one, and turn documents into token files."""
