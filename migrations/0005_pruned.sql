-- Tells a subscriber that replays page by page, with each of them, how far retention has gone in the sessions of its owner.
CREATE INDEX sessions_pruned_idx ON sessions (owner_id, pruned_through);
