"""The pane Machines: what the person's machines have, what runs there, and what is missing."""
