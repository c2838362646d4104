"""Pack with a tokenizer; compare, size, train and extend tokenizers."""
