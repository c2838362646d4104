"""The Training pane and its parts."""
