"""The Protection pane and its parts."""
