-- What adapters may open: whom a grant is for, what a person granted to components for good, which components are
-- installed, and what was decided outside of any session.

-- The registration that a grant is for; null means any. Read for every access that a session asks for.
ALTER TABLE grants ADD COLUMN adapter_id TEXT;
-- The name under which a component asks; null means any. Read with `adapter_id`. A grant for one access only names it in
-- `constraints_json`: `{"only":{"worker":…,"op":…}}`.
ALTER TABLE grants ADD COLUMN grant_name TEXT;
-- The grant of a component that it was copied from, which may be forgotten since. Read when that one is revoked, so that
-- its copies end with it, and for every access, so that it is not copied twice.
ALTER TABLE grants ADD COLUMN origin_grant_id TEXT;
-- Finds what was copied from a grant of a component.
CREATE INDEX grants_origin_idx ON grants (origin_grant_id) WHERE origin_grant_id IS NOT NULL;

-- Read for every access, and by whoever inspects what is allowed: what a person granted to a component for good, in
-- every session of a registration. `component` is what the registration names: a path, or the name of a component that
-- is built in. `declared_json` is what the component declared when it was decided.
CREATE TABLE component_grants (
    grant_id          TEXT PRIMARY KEY,
    component         TEXT NOT NULL,
    digest            TEXT NOT NULL,
    adapter_id        TEXT NOT NULL,
    declared_json     TEXT NOT NULL CHECK (json_valid(declared_json)),
    operation         TEXT NOT NULL,
    resource_pattern  TEXT NOT NULL,
    created_at_ms     INTEGER NOT NULL,
    revoked_at_ms     INTEGER
) STRICT;

-- Finds the grants of a component for a registration, and those to forget when it is removed.
CREATE INDEX component_grants_component_idx ON component_grants (component, adapter_id);

-- Read before a component is loaded, which must have this digest, and by whoever lists what is installed.
CREATE TABLE components (
    path             TEXT PRIMARY KEY,
    name             TEXT NOT NULL,
    digest           TEXT NOT NULL,
    adapter_id       TEXT NOT NULL,
    version          TEXT NOT NULL,
    grants_json      TEXT NOT NULL CHECK (json_valid(grants_json)),
    imports_json     TEXT NOT NULL CHECK (json_valid(imports_json)),
    installed_at_ms  INTEGER NOT NULL
) STRICT;

-- Read by whoever inspects what was opened or refused outside of any session, and what was installed. What is decided in
-- a session is an event of it. The newest are kept; `decision_seq` is never used twice.
CREATE TABLE gate_decisions (
    decision_seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    kind           TEXT NOT NULL CHECK (kind IN ('access', 'install', 'remove', 'revoke')),
    decision       TEXT NOT NULL CHECK (decision IN ('allow', 'deny', 'installed', 'removed', 'revoked')),
    grant_id       TEXT,
    component      TEXT NOT NULL,
    digest         TEXT NOT NULL,
    adapter_id     TEXT,
    access_json    TEXT CHECK (access_json IS NULL OR json_valid(access_json)),
    reason         TEXT NOT NULL,
    created_at_ms  INTEGER NOT NULL
) STRICT;

-- Lists what was decided under a grant of a component.
CREATE INDEX gate_decisions_grant_idx ON gate_decisions (grant_id) WHERE grant_id IS NOT NULL;
-- Lists what was decided under a grant of a session.
CREATE INDEX events_grant_idx ON events (payload_json ->> 'grantId', event_seq) WHERE type = 'grant.decided';
