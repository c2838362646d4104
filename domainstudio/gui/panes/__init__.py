"""The panes, one folder a step; `pane.py` in it is the pane, the rest its parts."""
