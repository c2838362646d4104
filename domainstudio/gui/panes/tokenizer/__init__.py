"""The Tokenizer pane and its parts."""
