"""Plan a run, see whether it fits, start it, with its control and branches."""
