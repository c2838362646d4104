"""Project: the folder with its database, the only SQL of the program."""
