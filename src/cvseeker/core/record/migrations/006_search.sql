-- What searches look up without reading résumés.

-- Values are counted, and files told by their age, from these alone.
DROP INDEX insights_by_value;
CREATE INDEX insights_by_value ON insights (kind, value, number);
CREATE INDEX candidates_by_age ON candidates (modified);

-- Texts with letters beyond ASCII, underscores or marks that are not known to be none: what is a
-- word in them may differ between full_text and the reader of queries.
CREATE INDEX odd_texts ON candidates (number)
WHERE text GLOB '*[^	-^`-~ •–—‘’“”…·●■▪◦→€£°©®™]*';
CREATE VIEW odd_candidates AS SELECT number FROM candidates INDEXED BY odd_texts
WHERE text GLOB '*[^	-^`-~ •–—‘’“”…·●■▪◦→€£°©®™]*';
