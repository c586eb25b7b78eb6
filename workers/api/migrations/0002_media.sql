-- Uploaded files and the jobs that transcode them. The files are in R2, under names made of the ids.

CREATE TABLE media (
  id TEXT PRIMARY KEY,
  content_id TEXT NOT NULL UNIQUE REFERENCES content (id) ON DELETE CASCADE,
  creator_id TEXT NOT NULL REFERENCES users (id),
  file_name TEXT NOT NULL,
  content_type TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  result_type TEXT,                         -- the content type of what was made of it; NULL: nothing was
  duration_ms INTEGER,
  note TEXT,                                -- what the transcoding service says of its work, for people
  created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX media_by_creator ON media (creator_id, created_at DESC);

-- queued -> submitted -> transcoding -> ready, and failed from each of them. A delivery holds the lease while it works on a job,
-- and moves it only while it does; the lease of a delivery that died ends by itself.
CREATE TABLE transcoding_jobs (
  id TEXT PRIMARY KEY,
  media_id TEXT NOT NULL UNIQUE REFERENCES media (id) ON DELETE CASCADE,
  state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'submitted', 'transcoding', 'ready', 'failed')),
  publish INTEGER NOT NULL CHECK (publish IN (0, 1)),  -- whether its content is published once it is ready
  run_id TEXT,                              -- the transcoding service's own
  failures INTEGER NOT NULL DEFAULT 0,
  error TEXT,                               -- why it failed, for people
  lease TEXT,                               -- of the delivery that works on it, or did last
  lease_until INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  delivered_at INTEGER NOT NULL,            -- when a message last asked for it, or was last sent to
  submitted_at INTEGER,
  updated_at INTEGER NOT NULL,              -- when its state last changed
  CHECK (state IN ('queued', 'failed') OR (run_id IS NOT NULL AND submitted_at IS NOT NULL))
) STRICT;

CREATE INDEX transcoding_jobs_under_way ON transcoding_jobs (delivered_at) WHERE state NOT IN ('ready', 'failed');

-- Messages that no delivery could make anything of, and those that were delivered too often.
CREATE TABLE dead_letters (
  id TEXT PRIMARY KEY,                      -- of the message in the queue that it came from
  reason TEXT NOT NULL CHECK (reason IN ('malformed', 'unknown-job', 'given-up')),
  body TEXT NOT NULL,                       -- its beginning, as JSON where it is
  received_at INTEGER NOT NULL
) STRICT;

CREATE INDEX dead_letters_by_time ON dead_letters (received_at DESC);
