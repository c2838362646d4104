"""The Project pane and its parts."""
