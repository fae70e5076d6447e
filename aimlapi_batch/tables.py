"""The tables of a job's store. A change of them is another `FORMAT`."""

FORMAT = 2
WAITING, ANSWERED, FAILED = 0, 1, 2  # a row's state
TABLES = """
CREATE TABLE job (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (
    run INTEGER PRIMARY KEY, began REAL, seconds REAL DEFAULT 0, requests INTEGER DEFAULT 0,
    answered INTEGER DEFAULT 0, failed INTEGER DEFAULT 0, input_tokens INTEGER DEFAULT 0,
    output_tokens INTEGER DEFAULT 0, cost_usd REAL DEFAULT 0, unpriced INTEGER DEFAULT 0, stopped TEXT
);
CREATE TABLE rows (
    id INTEGER PRIMARY KEY, position INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0, key TEXT NOT NULL UNIQUE, hash BLOB, error TEXT, finish_reason TEXT,
    cost_usd REAL, input_tokens INTEGER, output_tokens INTEGER, seconds REAL, ended REAL,
    asked BLOB, input BLOB, answer BLOB
);
CREATE INDEX rows_by_position ON rows (position);
CREATE TABLE replaced (id INTEGER PRIMARY KEY, key TEXT, ended REAL, answer BLOB);
CREATE TRIGGER rows_replaced BEFORE UPDATE OF answer ON rows
WHEN OLD.answer IS NOT NULL AND OLD.error IS NULL AND NEW.answer IS NOT OLD.answer
BEGIN INSERT INTO replaced (key, ended, answer) VALUES (OLD.key, OLD.ended, OLD.answer); END;
"""
# of rows that wait for media: stores that were made before have none yet
ORDERS = "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, hash BLOB NOT NULL, generation TEXT NOT NULL)"
# the rows of this run, in the order of its source: of the process, not of the job
SELECTED = "CREATE TEMP TABLE selected (position INTEGER PRIMARY KEY, id INTEGER UNIQUE NOT NULL, place INTEGER)"
