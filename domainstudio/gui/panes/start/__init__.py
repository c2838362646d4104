"""The Start pane and its parts."""
