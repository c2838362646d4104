"""Corpus: from files of any kind to documents with origin, hash and held-out rule."""
