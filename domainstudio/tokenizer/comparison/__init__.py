"""Compare tokenizers: measures on a sample, terms that are cut worst, the table."""
