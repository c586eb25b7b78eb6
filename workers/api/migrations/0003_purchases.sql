-- What people bought, what the platform makes of it, and which of Stripe's events have taken effect.
-- Times are Unix milliseconds, amounts are in a currency's smallest unit.
-- purchases, refunds, disputes and subscriptions say what Stripe said, in whatever order it came, and so refer to nothing: a
-- refund may be told of before its purchase, and a payment is not forgotten with the account that made it.

CREATE TABLE prices (
  content_id TEXT PRIMARY KEY REFERENCES content (id) ON DELETE CASCADE,
  amount INTEGER NOT NULL CHECK (amount >= 0),
  currency TEXT NOT NULL                    -- ISO 4217, lower case, as Stripe writes it
) STRICT;

CREATE TABLE purchases (
  payment_id TEXT PRIMARY KEY,              -- Stripe's payment intent; the checkout session where there was nothing to pay
  user_id TEXT NOT NULL,
  content_id TEXT NOT NULL,
  amount INTEGER NOT NULL,
  currency TEXT NOT NULL,
  purchased_at INTEGER NOT NULL
) STRICT;

CREATE INDEX purchases_by_user ON purchases (user_id, purchased_at DESC);
CREATE INDEX purchases_by_time ON purchases (purchased_at);

CREATE TABLE refunds (
  payment_id TEXT PRIMARY KEY,
  amount INTEGER NOT NULL,                  -- of all refunds of this payment so far
  complete INTEGER NOT NULL CHECK (complete IN (0, 1))
) STRICT;

CREATE TABLE disputes (
  id TEXT PRIMARY KEY,
  payment_id TEXT NOT NULL,
  fraudulent INTEGER NOT NULL CHECK (fraudulent IN (0, 1)),
  state TEXT NOT NULL CHECK (state IN ('withdrawn', 'reinstated'))
) STRICT;

CREATE INDEX disputes_by_payment ON disputes (payment_id);

-- A purchase with what became of it. Only a paid one is owned.
CREATE VIEW settled_purchases AS
  SELECT purchases.*, COALESCE(refunds.amount, 0) AS refunded,
         CASE WHEN EXISTS (SELECT 1 FROM disputes WHERE disputes.payment_id = purchases.payment_id AND disputes.state = 'withdrawn')
                THEN 'disputed'
              WHEN refunds.complete = 1 THEN 'refunded'
              ELSE 'paid' END AS state
    FROM purchases LEFT JOIN refunds ON refunds.payment_id = purchases.payment_id;

CREATE TABLE subscriptions (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  status TEXT NOT NULL,
  changed_at INTEGER NOT NULL               -- when Stripe made the event that said so
) STRICT;

CREATE INDEX subscriptions_by_user ON subscriptions (user_id);

CREATE TABLE progress (
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  content_id TEXT NOT NULL REFERENCES content (id) ON DELETE CASCADE,
  position_seconds INTEGER NOT NULL CHECK (position_seconds >= 0),
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, content_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE platform_settings (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  name TEXT NOT NULL,
  tagline TEXT NOT NULL,
  logo_url TEXT,
  updated_at INTEGER NOT NULL
) STRICT;

INSERT INTO platform_settings (id, name, tagline, logo_url, updated_at) VALUES (1, 'Codex', 'Essays, sound, film and workshops', NULL, 0);

CREATE TABLE creator_buckets (
  creator_id TEXT PRIMARY KEY REFERENCES users (id),
  media_bucket TEXT NOT NULL UNIQUE,
  assets_bucket TEXT NOT NULL UNIQUE
) STRICT;

-- One row for each event that has an effect. Whoever holds the claim may apply it until the lease ends; then another may take it over.
CREATE TABLE webhook_events (
  id TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  claim TEXT NOT NULL,                      -- random; names the delivery that is at work on it
  lease_until INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  done_at INTEGER,
  outcome TEXT CHECK (outcome IN ('applied', 'ignored', 'unusable')),
  CHECK ((done_at IS NULL) = (outcome IS NULL))
) STRICT;

CREATE INDEX webhook_events_done ON webhook_events (done_at) WHERE done_at IS NOT NULL;

-- What makes an effect happen once: it is in one transaction with this update, which fails for a claim that is lost or done.
CREATE TRIGGER webhook_events_done_once BEFORE UPDATE OF done_at ON webhook_events
WHEN OLD.done_at IS NOT NULL OR NEW.claim <> OLD.claim
BEGIN
  SELECT RAISE(ABORT, 'the claim on this event is lost');
END;

CREATE TABLE webhook_unknown (
  type TEXT PRIMARY KEY,
  deliveries INTEGER NOT NULL,
  last_at INTEGER NOT NULL
) STRICT;

-- What is left to do in KV once an effect is stored. A row goes when it is done.
CREATE TABLE webhook_followups (
  event_id TEXT NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('forget-library', 'revoke-sessions', 'refresh-sessions')),
  user_id TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (event_id, action, user_id)
) STRICT, WITHOUT ROWID;
