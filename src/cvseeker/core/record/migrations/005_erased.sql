-- What is not taken in again, as somebody was removed: SHA-256 of files, and hashes of the words of
-- documents; nothing else is kept of them.
CREATE TABLE erased (hash TEXT PRIMARY KEY) WITHOUT ROWID;
