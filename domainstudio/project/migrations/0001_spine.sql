-- The first schema. Every artefact row names the job that made it: lineage is a query.

CREATE TABLE facts (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A job's rows are invisible until committed_at is set.
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    created_at REAL NOT NULL,
    committed_at REAL
) STRICT;

CREATE TABLE sources (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    rule TEXT NOT NULL,
    job_id TEXT NOT NULL REFERENCES jobs (id)
) STRICT;

-- One row per import: what was read, rejected and stored (corpus.importing.ImportSummary).
CREATE TABLE imports (
    job_id TEXT PRIMARY KEY REFERENCES jobs (id),
    source_id INTEGER NOT NULL REFERENCES sources (id),
    summary TEXT NOT NULL
) STRICT;

-- One row per document, no text: shard and row say where it lies. A marked document is not trained on.
CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL REFERENCES jobs (id),
    source_id INTEGER REFERENCES sources (id),
    shard TEXT NOT NULL,
    row INTEGER NOT NULL,
    content_hash BLOB NOT NULL,
    characters INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    language TEXT,
    held_out INTEGER NOT NULL,
    mark TEXT,
    witness INTEGER REFERENCES documents (id),
    UNIQUE (job_id, shard, row)
) STRICT;

CREATE INDEX documents_by_hash ON documents (content_hash);
CREATE INDEX documents_by_source ON documents (source_id, held_out, mark);

CREATE TABLE tokenizers (
    id INTEGER PRIMARY KEY,
    job_id TEXT REFERENCES jobs (id),
    folder TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    vocabulary INTEGER NOT NULL
) STRICT;

CREATE TABLE token_files (
    id INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL REFERENCES jobs (id),
    source_id INTEGER NOT NULL REFERENCES sources (id),
    split TEXT NOT NULL CHECK (split IN ('training', 'held_out')),
    folder TEXT NOT NULL,
    tokenizer_sha256 TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    documents INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    UNIQUE (job_id, source_id, split)
) STRICT;

-- Named mixtures and recipes as JSON of their typed models; a run freezes copies.
CREATE TABLE plans (
    kind TEXT NOT NULL CHECK (kind IN ('mixture', 'recipe')),
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    changed_at REAL NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
