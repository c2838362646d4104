"""Export: what leaves the project: a model folder others can load, and a report to read."""
