-- What is published. Times are Unix milliseconds; the categories are those of src/lib/categories.ts.

CREATE TABLE content (
  id TEXT PRIMARY KEY,
  category_id TEXT NOT NULL,
  title TEXT NOT NULL,
  summary TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'published')),
  published_at INTEGER,
  CHECK ((status = 'published') = (published_at IS NOT NULL))
) STRICT;

CREATE INDEX content_by_category ON content (category_id, published_at DESC) WHERE status = 'published';
