-- What the whole kernel records beside the first schema: retries, MCP hashes, process leases, late reports, budgets and
-- results of delegations, and how far old events were taken away.

-- Why a run is to be tried again (`retry`, `failover`). Read when its next attempt begins, which takes it away.
ALTER TABLE runs ADD COLUMN retry_reason TEXT;
-- The checkpoint that the next attempt is to begin from. Read and taken away with `retry_reason`.
ALTER TABLE runs ADD COLUMN retry_checkpoint_id TEXT;
-- Which MCP configuration a native session was opened with. Read when it is to be taken up again: null fits any.
ALTER TABLE adapter_bindings ADD COLUMN mcp_hash TEXT;
-- What identifies the process of an attempt's worker. Read at start-up, to end what a daemon that died has left.
ALTER TABLE run_attempts ADD COLUMN lease_json TEXT CHECK (lease_json IS NULL OR json_valid(lease_json));
-- How many reports came when the attempt was over. Read by whoever inspects a run.
ALTER TABLE run_attempts ADD COLUMN late_reports INTEGER NOT NULL DEFAULT 0;
-- US dollars that the child run and all runs below it may cost. Read before anything below it is delegated.
ALTER TABLE delegations ADD COLUMN budget_usd REAL NOT NULL DEFAULT 5;
-- What came of it. Read by whoever inspects the parent.
ALTER TABLE delegations ADD COLUMN result_json TEXT CHECK (result_json IS NULL OR json_valid(result_json));

-- The highest cursor of a session's events of class `core` that was ever taken away. Read by whoever follows events
-- after a cursor: below this one there is a gap.
ALTER TABLE sessions ADD COLUMN pruned_through INTEGER NOT NULL DEFAULT 0;

-- Finds the run that has an idempotency key in any session of an owner.
CREATE INDEX runs_key_idx ON runs (idempotency_key) WHERE idempotency_key IS NOT NULL;
-- Finds the runs below a run.
CREATE INDEX runs_parent_idx ON runs (parent_run_id) WHERE parent_run_id IS NOT NULL;
-- Finds what a worker holds.
CREATE INDEX adapter_bindings_worker_idx ON adapter_bindings (adapter_instance_id)
    WHERE adapter_instance_id IS NOT NULL;
-- Finds what an attempt has asked, and lists what nobody has answered.
CREATE INDEX events_request_idx ON events (attempt_id, event_seq)
    WHERE type IN ('approval.requested', 'approval.resolved', 'input.requested', 'input.provided');
-- Finds the kept pieces of a message, and those of runs that are over.
CREATE INDEX events_transient_idx ON events (attempt_id) WHERE retention_class = 'transient';
-- Finds the events that are old enough to go. The first event of a session stays as long as the session.
CREATE INDEX events_retention_idx ON events (created_at_ms) WHERE type != 'session.created';
-- Lists the artifacts of a session, the newest first.
CREATE INDEX artifacts_session_idx ON artifacts (session_id);
