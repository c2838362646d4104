"""Programs sent to a machine and run by its Python, 3.6 or newer; each needs the standard library alone."""
