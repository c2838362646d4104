"""Workflow: what a button and a command do. Read the project, start a job, commit its result."""
