-- What ingest remembers, so that a file that changed costs one file.

-- Every input file as it was found last, and what was in it; its name as in files.jsonl.
CREATE TABLE originals (
    file TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL,
    signature TEXT NOT NULL
) WITHOUT ROWID;

-- What the readers made of a content, and which readers: documents in JSON, or why there are none.
CREATE TABLE readings (
    reading INTEGER PRIMARY KEY AUTOINCREMENT,
    content TEXT NOT NULL UNIQUE,
    made_by TEXT NOT NULL,
    documents TEXT NOT NULL,
    reason TEXT NOT NULL
);

-- What a candidate was made from, a hash of the words of the text, and hashes of word n-grams and
-- contacts (uint64, sorted, little-endian).
CREATE TABLE sketches (
    number INTEGER PRIMARY KEY REFERENCES candidates ON DELETE CASCADE,
    made_from TEXT NOT NULL,
    wording TEXT NOT NULL,
    shingles BLOB NOT NULL,
    copies BLOB NOT NULL,
    contacts BLOB NOT NULL
);
CREATE TABLE passage_sketches (
    number INTEGER NOT NULL REFERENCES candidates ON DELETE CASCADE,
    position INTEGER NOT NULL,
    grams BLOB NOT NULL,
    PRIMARY KEY (number, position)
) WITHOUT ROWID;

-- What was learnt from all together, and the settings that persons were grouped by.
CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

-- Who was found to be one person, and why; both ways.
CREATE TABLE same_person (
    one INTEGER NOT NULL REFERENCES candidates ON DELETE CASCADE,
    other INTEGER NOT NULL REFERENCES candidates ON DELETE CASCADE,
    reason TEXT NOT NULL,
    UNIQUE (one, other)
);
CREATE INDEX same_person_by_other ON same_person (other);
