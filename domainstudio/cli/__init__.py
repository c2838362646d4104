"""The command line: one module per group; each verb calls the workflow and prints what it returns."""
