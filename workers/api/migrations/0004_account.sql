-- What registering, proving an address and replacing a password need. Times are Unix milliseconds.

-- Good once, for one purpose, until then. Only the SHA-256 of what was mailed is kept.
CREATE TABLE one_time_tokens (
  hash TEXT PRIMARY KEY,                    -- base64url
  purpose TEXT NOT NULL CHECK (purpose IN ('verify-email', 'reset-password')),
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  email TEXT NOT NULL,                      -- the address it was mailed to
  expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX one_time_tokens_by_user ON one_time_tokens (user_id, purpose);

-- Mail where nothing sends it: on a developer's machine the page shows it.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY,
  recipient TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

-- Users whose sessions were ended here and whose cached copies are not known to be void yet.
-- It refers to nothing: copies may outlive their user.
CREATE TABLE revocations_due (
  user_id TEXT PRIMARY KEY,
  since INTEGER NOT NULL
) STRICT;

-- What a list of one's own sessions tells them apart by.
ALTER TABLE sessions ADD COLUMN user_agent TEXT;
