"""Domain Studio: turn an open language model into a domain model, and see what it forgets."""

__version__ = "0.1.0"
