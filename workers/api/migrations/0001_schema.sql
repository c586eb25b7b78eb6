-- Times are Unix milliseconds. Only the SHA-256 of a session token is kept: a copy of this database signs nobody in.

CREATE TABLE users (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,               -- lower case
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('customer', 'creator', 'owner')),
  email_verified INTEGER NOT NULL DEFAULT 0 CHECK (email_verified IN (0, 1)),
  password_hash TEXT NOT NULL,              -- $pbkdf2-sha256$i=<iterations>$<salt>$<hash>, base64url
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  token_hash TEXT NOT NULL UNIQUE,          -- base64url
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_by_user ON sessions (user_id, expires_at);

CREATE TABLE categories (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  position INTEGER NOT NULL
) STRICT;

CREATE TABLE content (
  id TEXT PRIMARY KEY,
  category_id TEXT NOT NULL REFERENCES categories (id),
  creator_id TEXT NOT NULL REFERENCES users (id),
  title TEXT NOT NULL,
  summary TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'published')),
  featured INTEGER NOT NULL DEFAULT 0 CHECK (featured IN (0, 1)),
  published_at INTEGER,
  updated_at INTEGER NOT NULL,
  CHECK ((status = 'published') = (published_at IS NOT NULL))
) STRICT;

CREATE INDEX content_by_category ON content (category_id, published_at DESC) WHERE status = 'published';
CREATE INDEX content_featured ON content (published_at DESC) WHERE status = 'published' AND featured = 1;
CREATE INDEX content_by_creator ON content (creator_id, updated_at DESC);
