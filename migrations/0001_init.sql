-- The first schema (SPEC §1.5). Times are milliseconds since the Unix epoch; `*_json` columns hold JSON.
-- Every table and index says who reads it. Rows are the truth; `events` is the ordered record of their changes.

-- Read by the store when it opens a file.
CREATE TABLE schema_migrations (
    version       INTEGER PRIMARY KEY,
    applied_at_ms INTEGER NOT NULL
) STRICT;

-- Read for every prompt (which session is meant) and by whoever lists sessions.
CREATE TABLE sessions (
    session_id           TEXT PRIMARY KEY,
    owner_id             TEXT NOT NULL,
    agent_definition_id  TEXT NOT NULL DEFAULT 'omi.generalist@1',
    title                TEXT,
    status               TEXT NOT NULL CHECK (status IN ('open', 'archived', 'closed')),
    surface_kind         TEXT NOT NULL,
    external_ref_kind    TEXT,
    external_ref_id      TEXT,
    legacy_client_scope  TEXT,
    legacy_session_key   TEXT,
    default_adapter_id   TEXT NOT NULL,
    default_cwd          TEXT,
    model_profile        TEXT,
    metadata_json        TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata_json)),
    created_at_ms        INTEGER NOT NULL,
    updated_at_ms        INTEGER NOT NULL,
    last_activity_at_ms  INTEGER NOT NULL,
    CHECK ((external_ref_kind IS NULL) = (external_ref_id IS NULL)),
    CHECK ((legacy_client_scope IS NULL) = (legacy_session_key IS NULL))
) STRICT;

-- Resolves the name a surface has for a session, and keeps it the only one.
CREATE UNIQUE INDEX sessions_external_ref_uq ON sessions (owner_id, external_ref_kind, external_ref_id)
    WHERE external_ref_kind IS NOT NULL;
-- Resolves the name an old client has for a session, and keeps it the only one.
CREATE UNIQUE INDEX sessions_legacy_alias_uq ON sessions (owner_id, legacy_client_scope, legacy_session_key)
    WHERE legacy_client_scope IS NOT NULL;
-- Lists an owner's sessions, newest activity first.
CREATE INDEX sessions_recent_idx ON sessions (owner_id, last_activity_at_ms DESC);

-- Read for every decision about a run. `adapter_id` is the registration asked for: it is needed before there is an
-- attempt.
CREATE TABLE runs (
    run_id              TEXT PRIMARY KEY,
    session_id          TEXT NOT NULL REFERENCES sessions (session_id) ON DELETE CASCADE,
    parent_run_id       TEXT REFERENCES runs (run_id) ON DELETE SET NULL,
    client_id           TEXT NOT NULL,
    request_id          TEXT NOT NULL,
    idempotency_key     TEXT,
    status              TEXT NOT NULL CHECK (status IN ('queued', 'starting', 'running', 'waiting_input',
                            'waiting_approval', 'cancelling', 'succeeded', 'failed', 'cancelled', 'timed_out',
                            'orphaned')),
    mode                TEXT NOT NULL CHECK (mode IN ('ask', 'act')),
    adapter_id          TEXT NOT NULL,
    input_json          TEXT NOT NULL CHECK (json_valid(input_json)),
    system_prompt_hash  TEXT,
    model_profile       TEXT,
    requested_model_id  TEXT,
    cwd                 TEXT,
    final_text          TEXT,
    result_json         TEXT CHECK (result_json IS NULL OR json_valid(result_json)),
    error_code          TEXT,
    error_message       TEXT,
    input_tokens        INTEGER,
    output_tokens       INTEGER,
    cache_read_tokens   INTEGER,
    cache_write_tokens  INTEGER,
    cost_usd            REAL,
    created_at_ms       INTEGER NOT NULL,
    started_at_ms       INTEGER,
    completed_at_ms     INTEGER,
    updated_at_ms       INTEGER NOT NULL,
    UNIQUE (client_id, request_id)
) STRICT;

-- Keeps an idempotency key the only one of its session.
CREATE UNIQUE INDEX runs_idempotency_uq ON runs (session_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
-- Lists a session's runs, newest first.
CREATE INDEX runs_session_recent_idx ON runs (session_id, created_at_ms DESC);
-- Finds what is not over, at start-up.
CREATE INDEX runs_status_idx ON runs (status, created_at_ms);

-- Read for every decision that needs a native session.
CREATE TABLE adapter_bindings (
    binding_id                 TEXT PRIMARY KEY,
    session_id                 TEXT NOT NULL REFERENCES sessions (session_id) ON DELETE CASCADE,
    adapter_id                 TEXT NOT NULL,
    binding_generation         INTEGER NOT NULL CHECK (binding_generation > 0),
    adapter_native_session_id  TEXT,
    adapter_instance_id        TEXT,
    resume_fidelity            TEXT NOT NULL CHECK (resume_fidelity IN ('native', 'reconstructed', 'none')),
    status                     TEXT NOT NULL CHECK (status IN ('active', 'stale', 'invalid', 'closed')),
    cwd                        TEXT,
    model_id                   TEXT,
    system_prompt_hash         TEXT,
    metadata_json              TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata_json)),
    created_at_ms              INTEGER NOT NULL,
    updated_at_ms              INTEGER NOT NULL,
    last_used_at_ms            INTEGER,
    invalidated_at_ms          INTEGER,
    UNIQUE (session_id, adapter_id, binding_generation)
) STRICT;

-- Finds the binding to use, and keeps it the only active one.
CREATE UNIQUE INDEX adapter_bindings_one_active_uq ON adapter_bindings (session_id, adapter_id)
    WHERE status = 'active';
-- Finds who else has a native id, and keeps it with one binding.
CREATE UNIQUE INDEX adapter_bindings_native_uq ON adapter_bindings (adapter_id, adapter_native_session_id)
    WHERE adapter_native_session_id IS NOT NULL AND status != 'closed';
-- Finds the highest generation of a session.
CREATE INDEX adapter_bindings_session_idx ON adapter_bindings (session_id, adapter_id, binding_generation DESC);

-- Read for every decision about an attempt. The use of tokens is kept per attempt; a run has the sum (seed §9.3).
CREATE TABLE run_attempts (
    attempt_id                    TEXT PRIMARY KEY,
    run_id                        TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE,
    attempt_no                    INTEGER NOT NULL CHECK (attempt_no > 0),
    status                        TEXT NOT NULL CHECK (status IN ('queued', 'starting', 'running', 'waiting_input',
                                      'waiting_approval', 'cancelling', 'succeeded', 'failed', 'cancelled',
                                      'timed_out', 'orphaned')),
    adapter_id                    TEXT NOT NULL,
    adapter_instance_id           TEXT NOT NULL,
    runtime_node_id               TEXT NOT NULL DEFAULT 'desktop-local',
    binding_id                    TEXT REFERENCES adapter_bindings (binding_id) ON DELETE SET NULL,
    adapter_native_run_id         TEXT,
    resume_from_attempt_id        TEXT REFERENCES run_attempts (attempt_id) ON DELETE SET NULL,
    checkpoint_artifact_id        TEXT,
    retry_reason                  TEXT,
    retryable                     INTEGER NOT NULL DEFAULT 0 CHECK (retryable IN (0, 1)),
    cancellation_requested_at_ms  INTEGER,
    cancellation_dispatched_at_ms INTEGER,
    cancellation_acknowledged_at_ms INTEGER,
    input_tokens                  INTEGER,
    output_tokens                 INTEGER,
    cache_read_tokens             INTEGER,
    cache_write_tokens            INTEGER,
    cost_usd                      REAL,
    started_at_ms                 INTEGER,
    completed_at_ms               INTEGER,
    error_code                    TEXT,
    error_message                 TEXT,
    metadata_json                 TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata_json)),
    created_at_ms                 INTEGER NOT NULL,
    updated_at_ms                 INTEGER NOT NULL,
    UNIQUE (run_id, attempt_no)
) STRICT;

-- Lists a run's attempts, the last one first.
CREATE INDEX run_attempts_run_idx ON run_attempts (run_id, attempt_no DESC);
-- Finds what is not over, at start-up.
CREATE INDEX run_attempts_active_idx ON run_attempts (status, created_at_ms);
-- Keeps the authority to execute a run with one attempt (seed §2).
CREATE UNIQUE INDEX run_attempts_one_active_per_run_uq ON run_attempts (run_id)
    WHERE status IN ('queued', 'starting', 'running', 'waiting_input', 'waiting_approval', 'cancelling');

-- Read by whoever follows a session, after a cursor. `event_seq` is never used twice.
CREATE TABLE events (
    event_seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id         TEXT NOT NULL UNIQUE,
    session_id       TEXT NOT NULL REFERENCES sessions (session_id) ON DELETE CASCADE,
    run_id           TEXT REFERENCES runs (run_id) ON DELETE CASCADE,
    attempt_id       TEXT REFERENCES run_attempts (attempt_id) ON DELETE CASCADE,
    type             TEXT NOT NULL,
    retention_class  TEXT NOT NULL DEFAULT 'core' CHECK (retention_class IN ('core', 'transient')),
    visibility       TEXT NOT NULL DEFAULT 'ui' CHECK (visibility IN ('ui', 'internal')),
    payload_json     TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(payload_json)),
    created_at_ms    INTEGER NOT NULL
) STRICT;

-- Follows a session.
CREATE INDEX events_session_idx ON events (session_id, event_seq);
-- Follows a run.
CREATE INDEX events_run_idx ON events (run_id, event_seq) WHERE run_id IS NOT NULL;
-- Finds the open questions and the kept chunks of an attempt.
CREATE INDEX events_attempt_idx ON events (attempt_id, event_seq) WHERE attempt_id IS NOT NULL;

-- Read by whoever inspects what a run made.
CREATE TABLE artifacts (
    artifact_id              TEXT PRIMARY KEY,
    session_id               TEXT NOT NULL REFERENCES sessions (session_id) ON DELETE CASCADE,
    run_id                   TEXT REFERENCES runs (run_id) ON DELETE SET NULL,
    attempt_id               TEXT REFERENCES run_attempts (attempt_id) ON DELETE SET NULL,
    kind                     TEXT NOT NULL,
    role                     TEXT NOT NULL CHECK (role IN ('input', 'result', 'checkpoint', 'tool_output', 'log', 'other')),
    uri                      TEXT NOT NULL,
    display_name             TEXT,
    mime_type                TEXT,
    content_hash             TEXT,
    size_bytes               INTEGER,
    metadata_json            TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata_json)),
    lifecycle_state          TEXT NOT NULL DEFAULT 'retained' CHECK (lifecycle_state IN ('retained', 'dismissed', 'opened')),
    lifecycle_updated_at_ms  INTEGER,
    created_at_ms            INTEGER NOT NULL
) STRICT;

-- Lists a run's artifacts.
CREATE INDEX artifacts_run_idx ON artifacts (run_id, created_at_ms) WHERE run_id IS NOT NULL;

-- Read when a delegated run ends, and by whoever inspects its parent.
CREATE TABLE delegations (
    delegation_id       TEXT PRIMARY KEY,
    parent_session_id   TEXT NOT NULL REFERENCES sessions (session_id) ON DELETE CASCADE,
    parent_run_id       TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE,
    child_session_id    TEXT NOT NULL REFERENCES sessions (session_id) ON DELETE CASCADE,
    child_run_id        TEXT NOT NULL UNIQUE REFERENCES runs (run_id) ON DELETE CASCADE,
    mode                TEXT NOT NULL CHECK (mode IN ('call', 'spawn', 'continue')),
    status              TEXT NOT NULL CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
    objective           TEXT NOT NULL,
    request_json        TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(request_json)),
    result_artifact_id  TEXT REFERENCES artifacts (artifact_id) ON DELETE SET NULL,
    created_at_ms       INTEGER NOT NULL,
    completed_at_ms     INTEGER
) STRICT;

-- Lists what a run delegated.
CREATE INDEX delegations_parent_idx ON delegations (parent_run_id, created_at_ms);

-- Read by whoever inspects what a session or run was allowed.
CREATE TABLE grants (
    grant_id          TEXT PRIMARY KEY,
    session_id        TEXT NOT NULL REFERENCES sessions (session_id) ON DELETE CASCADE,
    run_id            TEXT REFERENCES runs (run_id) ON DELETE CASCADE,
    capability        TEXT NOT NULL,
    operation         TEXT NOT NULL,
    resource_pattern  TEXT NOT NULL,
    effect            TEXT NOT NULL CHECK (effect IN ('allow', 'deny')),
    source            TEXT NOT NULL CHECK (source IN ('legacy_default', 'policy', 'user', 'system')),
    constraints_json  TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(constraints_json)),
    created_at_ms     INTEGER NOT NULL,
    expires_at_ms     INTEGER,
    revoked_at_ms     INTEGER
) STRICT;

-- Finds the grants for an effect.
CREATE INDEX grants_session_idx ON grants (session_id, run_id, capability, operation, created_at_ms DESC);
