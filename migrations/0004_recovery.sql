-- Who takes up a turn that was interrupted, the host or the runtime by itself. Read before a run is tried again: what a
-- runtime goes on with is not done twice.
ALTER TABLE run_attempts ADD COLUMN recovery TEXT NOT NULL DEFAULT 'host' CHECK (recovery IN ('host', 'runtime'));
