"""The audit of removals: how many were wrong, as far as a sample judged by a person can tell."""
