-- Who there is. A number stays a candidate's own for ever; the résumé's id is its file's path.
CREATE TABLE candidates (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    resume_id TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    text TEXT NOT NULL,
    sections TEXT NOT NULL,
    metadata TEXT NOT NULL,
    person_group TEXT NOT NULL,
    split TEXT NOT NULL,
    -- Of the file: its SHA-256, and when it was last written, in seconds since 1970.
    sha256 TEXT NOT NULL,
    modified REAL NOT NULL,
    -- Of the candidate's last change.
    sequence INTEGER NOT NULL
);

CREATE TABLE passages (
    number INTEGER NOT NULL REFERENCES candidates ON DELETE CASCADE,
    position INTEGER NOT NULL,
    passage_id TEXT NOT NULL,
    text TEXT NOT NULL,
    sections TEXT NOT NULL,
    PRIMARY KEY (number, position)
) WITHOUT ROWID;
CREATE INDEX passages_by_id ON passages (passage_id);

-- What was read from a résumé, in its order, and where in candidates.text, in characters.
CREATE TABLE insights (
    number INTEGER NOT NULL REFERENCES candidates ON DELETE CASCADE,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    text TEXT NOT NULL,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    confidence REAL NOT NULL
);
CREATE INDEX insights_of_candidate ON insights (number);
CREATE INDEX insights_by_value ON insights (kind, value);

-- The last change of every candidate, also of those who have gone: a number, and nothing else.
CREATE TABLE changes (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    number INTEGER NOT NULL UNIQUE,
    kind TEXT NOT NULL
);

CREATE VIRTUAL TABLE full_text USING fts5 (
    text, content = 'candidates', content_rowid = 'number',
    tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER text_added AFTER INSERT ON candidates BEGIN
    INSERT INTO full_text (rowid, text) VALUES (new.number, new.text);
END;
CREATE TRIGGER text_changed AFTER UPDATE OF text ON candidates BEGIN
    INSERT INTO full_text (full_text, rowid, text) VALUES ('delete', old.number, old.text);
    INSERT INTO full_text (rowid, text) VALUES (new.number, new.text);
END;
CREATE TRIGGER text_removed AFTER DELETE ON candidates BEGIN
    INSERT INTO full_text (full_text, rowid, text) VALUES ('delete', old.number, old.text);
END;
