-- Every edit of a plan or a source with what was there before and after: undo for window, audit and commands.
CREATE TABLE journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    label TEXT NOT NULL,
    target TEXT NOT NULL,
    before TEXT,
    after TEXT,
    changed_at REAL NOT NULL,
    is_undone INTEGER NOT NULL DEFAULT 0
) STRICT;
