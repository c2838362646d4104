"""Evaluation: what losses mean, before and after, against the base and against the control."""
