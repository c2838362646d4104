"""Jobs: the one folder, one start, one stream of events and one stop of all work that takes a while."""
