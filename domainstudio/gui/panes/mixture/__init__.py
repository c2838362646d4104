"""The Mixture pane and its parts."""
