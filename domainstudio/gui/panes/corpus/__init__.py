"""The Corpus pane and its parts."""
