"""Runs on other machines, and by hand."""
