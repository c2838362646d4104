"""The list of runs, what is asked of them, and what they did."""
