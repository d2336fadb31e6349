-- What people do with candidates: shortlists with notes, searches that are kept, and who did what.

CREATE TABLE shortlists (
    shortlist INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
);
CREATE TABLE shortlisted (
    shortlist INTEGER NOT NULL REFERENCES shortlists ON DELETE CASCADE,
    number INTEGER NOT NULL REFERENCES candidates ON DELETE CASCADE,
    note TEXT NOT NULL DEFAULT '',
    tags TEXT NOT NULL DEFAULT '',
    added REAL NOT NULL,
    PRIMARY KEY (shortlist, number)
) WITHOUT ROWID;

CREATE TABLE saved_searches (
    name TEXT PRIMARY KEY,
    form TEXT NOT NULL
) WITHOUT ROWID;

-- Who did what, when. `digest` is of what it was about, so that words about a person can be blanked
-- and the chain still holds; `chain` is of the row and of the chain before it.
CREATE TABLE journal (
    entry INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    about TEXT NOT NULL,
    digest TEXT NOT NULL,
    chain TEXT NOT NULL
);
