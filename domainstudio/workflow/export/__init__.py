"""Choose, blend and export a model, with its card and report."""
