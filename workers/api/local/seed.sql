-- Sample data for a developer's machine: scripts/prepare-local.mjs runs it with --local, and it is no migration, so no
-- deployed database ever sees it. It may run again and again: what is there already stays as it is.
-- The passwords are in the root wrangler.toml, under vars.LOCAL_DEMO; hashes come from `npm run hash-password`.

INSERT OR IGNORE INTO users (id, email, name, role, email_verified, password_hash, created_at) VALUES
  ('user-olive', 'olive@codex.example', 'Olive', 'owner', 1, '$pbkdf2-sha256$i=100000$Hjc9EAmao_lz97TkKn537Q$LDCPjdqNZOnGyqW01IbcEzb_Dv9jOZzr1APEuhLuaNo', 1767225600000),
  ('user-cleo', 'cleo@codex.example', 'Cleo', 'creator', 1, '$pbkdf2-sha256$i=100000$1JO-pcpsyb2eCGE0aKM-Jg$KzAZLmHF-Ik7dozvXCNztVkhoN4MD9u8n6pX6ZDdTTc', 1767225600000),
  ('user-cory', 'cory@codex.example', 'Cory', 'customer', 1, '$pbkdf2-sha256$i=100000$7n0aIjeykmtHC8AWX5249w$o5w7WCDotlXhsNxPshImxIiXRrg3uBsb3kDLXH_9KCI', 1767225600000);

INSERT OR IGNORE INTO categories (id, name, description, position) VALUES
  ('essays', 'Essays', 'Long thoughts, unhurried.', 1),
  ('sound', 'Sound', 'Recordings and how they were made.', 2),
  ('film', 'Film', 'Short films and the notes behind them.', 3),
  ('workshops', 'Workshops', 'Things to make with your hands.', 4);

INSERT OR IGNORE INTO content (id, category_id, creator_id, title, summary, status, featured, published_at, updated_at) VALUES
  ('walking-maps', 'essays', 'user-cleo', 'Maps made by walking', 'What a town looks like when only your own feet have measured it.', 'published', 1, 1788253200000, 1788253200000),
  ('slow-letters', 'essays', 'user-olive', 'In praise of slow letters', 'A year of answering nothing on the day it arrived.', 'published', 0, 1787043600000, 1787043600000),
  ('borrowed-light', 'essays', 'user-cleo', 'Borrowed light', 'On windows between rooms, and who they were for.', 'draft', 0, NULL, 1789462800000),
  ('harbour-at-four', 'sound', 'user-cleo', 'The harbour at four', 'Forty minutes of ropes, gulls and one late ferry.', 'published', 1, 1788771600000, 1788771600000),
  ('room-tone', 'sound', 'user-olive', 'Room tone', 'Eleven empty rooms, recorded the same way.', 'published', 0, 1786438800000, 1786438800000),
  ('tape-splices', 'sound', 'user-cleo', 'A short course in tape splices', 'Razor, block, chalk: an edit you can hold.', 'draft', 1, NULL, 1789894800000),
  ('ten-staircases', 'film', 'user-olive', 'Ten staircases', 'A film in ten shots, none of them level.', 'published', 1, 1787648400000, 1787648400000),
  ('the-understudy', 'film', 'user-cleo', 'The understudy', 'She knew every line, and never said one.', 'published', 0, 1785834000000, 1785834000000),
  ('night-bus', 'film', 'user-olive', 'Night bus, line 9', 'The last round of the longest line.', 'draft', 0, NULL, 1789635600000),
  ('paper-binding', 'workshops', 'user-cleo', 'Bind a book in an afternoon', 'Four signatures, one needle, no glue.', 'published', 0, 1788944400000, 1788944400000),
  ('sun-prints', 'workshops', 'user-olive', 'Prints from the sun', 'Cyanotype with what is in the kitchen.', 'published', 1, 1786957200000, 1786957200000),
  ('spoon-carving', 'workshops', 'user-cleo', 'A spoon from a branch', 'Green wood, two knives and patience.', 'draft', 0, NULL, 1790067600000);

INSERT OR IGNORE INTO prices (content_id, amount, currency) VALUES
  ('walking-maps', 400, 'eur'),
  ('harbour-at-four', 700, 'eur'),
  ('ten-staircases', 900, 'eur'),
  ('the-understudy', 1200, 'eur'),
  ('sun-prints', 1500, 'eur'),
  ('night-bus', 900, 'eur');

INSERT OR IGNORE INTO creator_buckets (creator_id, media_bucket, assets_bucket) VALUES
  ('user-cleo', 'codex-media-local-cleo', 'codex-assets-local-cleo');
