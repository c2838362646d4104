-- What the document browser asks: a title, one word for what became of a document, and what lies where.

ALTER TABLE documents ADD COLUMN title TEXT;

-- 'training', 'held_out', or the reason why the document is marked.
ALTER TABLE documents ADD COLUMN state TEXT GENERATED ALWAYS AS (
    coalesce(mark, CASE held_out WHEN 0 THEN 'training' ELSE 'held_out' END)
) VIRTUAL;

DROP INDEX documents_by_source;
CREATE INDEX documents_by_state ON documents (source_id, state);

-- Visible documents by source, state and block of 4,096 ids: all totals, and the way to any position.
CREATE TABLE document_blocks (
    source_id INTEGER NOT NULL REFERENCES sources (id),
    state TEXT NOT NULL,
    block INTEGER NOT NULL,
    documents INTEGER NOT NULL,
    characters INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (source_id, state, block)
) STRICT, WITHOUT ROWID;

INSERT INTO document_blocks
SELECT source_id, state, id / 4096, count(*), sum(characters), sum(bytes)
FROM documents WHERE source_id IS NOT NULL GROUP BY source_id, state, id / 4096;
