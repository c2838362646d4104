"""The Export pane and its parts."""
