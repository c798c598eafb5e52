-- Partitions for what grows by the year (docs/scale.md says when and why these keys). For a
-- database of Siang whose processes are stopped; takes as long as copying the tables does.
-- Later migrations name the tables' old constraints: read them before you upgrade.
BEGIN;
SET LOCAL statement_timeout = 0;

-- Ten million conversations a partition; identities grow with time.
ALTER TABLE answers RENAME TO answers_old;
CREATE TABLE answers (LIKE answers_old INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
    PRIMARY KEY (conversation_id, question),
    FOREIGN KEY (conversation_id) REFERENCES conversations (id)
) PARTITION BY RANGE (conversation_id);
CREATE TABLE answers_0 PARTITION OF answers FOR VALUES FROM (MINVALUE) TO (10000000);
CREATE TABLE answers_1 PARTITION OF answers FOR VALUES FROM (10000000) TO (20000000);
INSERT INTO answers SELECT * FROM answers_old;
DROP TABLE answers_old;

-- A month a partition: make the next ones ahead of time; the default takes what has none.
ALTER TABLE tallies RENAME TO tallies_old;
CREATE TABLE tallies (LIKE tallies_old INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
    PRIMARY KEY (day, odsc, service, question, answer, sex),
    FOREIGN KEY (odsc) REFERENCES odscs (code)
) PARTITION BY RANGE (day);
CREATE INDEX ON tallies (odsc, day);
CREATE TABLE tallies_2026_11 PARTITION OF tallies FOR VALUES FROM ('2026-11-01') TO ('2026-12-01');
CREATE TABLE tallies_rest PARTITION OF tallies DEFAULT;
INSERT INTO tallies SELECT * FROM tallies_old;
DROP TABLE tallies_old;

-- By phone, not by time: an input must be found again whenever it is repeated.
ALTER TABLE turns RENAME TO turns_old;
CREATE TABLE turns (LIKE turns_old INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
    PRIMARY KEY (channel, session, contact_id, path_hash),
    FOREIGN KEY (contact_id) REFERENCES contacts (id)
) PARTITION BY HASH (contact_id);
CREATE INDEX ON turns (at);
CREATE TABLE turns_0 PARTITION OF turns FOR VALUES WITH (MODULUS 4, REMAINDER 0);
CREATE TABLE turns_1 PARTITION OF turns FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE turns_2 PARTITION OF turns FOR VALUES WITH (MODULUS 4, REMAINDER 2);
CREATE TABLE turns_3 PARTITION OF turns FOR VALUES WITH (MODULUS 4, REMAINDER 3);
INSERT INTO turns SELECT * FROM turns_old;
DROP TABLE turns_old;

ALTER TABLE responses RENAME TO responses_old;
CREATE TABLE responses (LIKE responses_old INCLUDING DEFAULTS INCLUDING IDENTITY
    INCLUDING CONSTRAINTS,
    PRIMARY KEY (conversation_id, id),
    UNIQUE (conversation_id),
    FOREIGN KEY (conversation_id) REFERENCES conversations (id),
    FOREIGN KEY (odsc) REFERENCES odscs (code),
    FOREIGN KEY (service) REFERENCES services (key),
    FOREIGN KEY (request_id) REFERENCES requests (id)
) PARTITION BY RANGE (conversation_id);
CREATE INDEX ON responses (odsc, day);
CREATE INDEX ON responses (request_id) WHERE request_id IS NOT NULL;
CREATE TABLE responses_0 PARTITION OF responses FOR VALUES FROM (MINVALUE) TO (10000000);
CREATE TABLE responses_1 PARTITION OF responses FOR VALUES FROM (10000000) TO (20000000);
INSERT INTO responses OVERRIDING SYSTEM VALUE SELECT * FROM responses_old;
-- Its identity is a new one, and must not give out again what was given out before.
SELECT setval(pg_get_serial_sequence('responses', 'id'), coalesce(max(id), 0) + 1, false)
FROM responses;
DROP TABLE responses_old;

COMMIT;
