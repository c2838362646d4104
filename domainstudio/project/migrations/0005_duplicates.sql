-- Near-duplicates: what was found, what was marked because of it, and what a person said of a pair of texts.

-- One row per search; the verified pairs lie in duplicates/<job>/.
CREATE TABLE findings (
    job_id TEXT PRIMARY KEY REFERENCES jobs (id),
    summary TEXT NOT NULL
) STRICT;

-- One row per list of documents that was ever marked; the list lies in duplicates/removal-<id>/. At most one stands.
CREATE TABLE removals (
    id INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL REFERENCES findings (job_id),
    settings TEXT NOT NULL,
    documents INTEGER NOT NULL,
    made_at REAL NOT NULL,
    stands INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What a reviewer said of two texts, by their content hashes in order: it outlives every search.
CREATE TABLE verdicts (
    first BLOB NOT NULL,
    second BLOB NOT NULL,
    reviewer INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (first, second, reviewer)
) STRICT, WITHOUT ROWID;

-- Drawn samples, in the order in which they are judged.
CREATE TABLE samples (
    kind TEXT NOT NULL,
    position INTEGER NOT NULL,
    first BLOB NOT NULL,
    second BLOB NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, position)
) STRICT, WITHOUT ROWID;
