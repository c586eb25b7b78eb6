-- Sample content for a developer's machine: no migration, so no deployed database ever sees it. May run again and again.

INSERT OR IGNORE INTO content (id, category_id, title, summary, status, published_at) VALUES
  ('walking-maps', 'essays', 'Maps made by walking', 'What a town looks like when only your own feet have measured it.', 'published', 1788253200000),
  ('slow-letters', 'essays', 'In praise of slow letters', 'A year of answering nothing on the day it arrived.', 'published', 1787043600000),
  ('borrowed-light', 'essays', 'Borrowed light', 'On windows between rooms, and who they were for.', 'draft', NULL),
  ('harbour-at-four', 'sound', 'The harbour at four', 'Forty minutes of ropes, gulls and one late ferry.', 'published', 1788771600000),
  ('room-tone', 'sound', 'Room tone', 'Eleven empty rooms, recorded the same way.', 'published', 1786438800000),
  ('ten-staircases', 'film', 'Ten staircases', 'A film in ten shots, none of them level.', 'published', 1787648400000);
