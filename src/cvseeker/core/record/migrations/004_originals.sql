-- Where every input file lay, in the order in which they were found: what an upload is added to
-- without looking there again. Paths are the system's bytes.
ALTER TABLE originals ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
ALTER TABLE originals ADD COLUMN path BLOB NOT NULL DEFAULT x'';
ALTER TABLE originals ADD COLUMN modified REAL NOT NULL DEFAULT 0;
ALTER TABLE originals ADD COLUMN refused TEXT NOT NULL DEFAULT '';
UPDATE originals SET
    path = CAST(coalesce((SELECT source FROM candidates WHERE resume_id = file), file) AS BLOB),
    modified = coalesce((SELECT modified FROM candidates WHERE resume_id = file), 0);
