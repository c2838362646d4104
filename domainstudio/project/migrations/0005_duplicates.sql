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

-- What a reviewer said of a pair of texts, or of one, by their content hashes: it outlives every search.
CREATE TABLE verdicts (
    key BLOB NOT NULL,
    queue TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    body TEXT NOT NULL,
    decided_at REAL NOT NULL,
    PRIMARY KEY (key, queue, reviewer)
) STRICT, WITHOUT ROWID;

-- Sets of evaluation items that were looked for in the corpus; what was found lies in the job's result.
CREATE TABLE contaminations (
    job_id TEXT PRIMARY KEY REFERENCES jobs (id),
    name TEXT NOT NULL,
    items INTEGER NOT NULL,
    too_short INTEGER NOT NULL,
    found INTEGER NOT NULL
) STRICT;
