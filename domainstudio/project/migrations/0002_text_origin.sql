-- Where a source's text comes from: a person's documents, a model's own writing, or software on this machine.
ALTER TABLE sources ADD COLUMN text_origin TEXT NOT NULL DEFAULT 'documents';
