"""The panes, one per step."""
