"""Recipe: the typed description of a run, its schedules, shapes and arithmetic."""
