"""The Runs pane and its parts."""
