import type { Context } from 'hono';
import type { AppEnv, Env } from '../env.ts';
import { logFailure } from '../http/log.ts';

export interface Mail {
  to: string;
  subject: string;
  text: string;
}

/** The most that the outbox keeps. */
const OUTBOX_SIZE = 100;

/**
 * Sends mail after the answer, so that how long it takes tells nobody whether there was anything to send: through MAIL where it is
 * bound, else into D1's outbox. Mail that cannot be sent is logged, by no more than that; whoever waits for it asks again.
 */
export function sendLater(c: Context<AppEnv>, mail: Promise<Mail | null>): void {
  c.executionCtx.waitUntil(send(c.env, mail).catch((error: unknown) => logFailure('mail', error)));
}

async function send(env: Env, pending: Promise<Mail | null>): Promise<void> {
  const mail = await pending;
  if (mail === null) return;
  const { to, subject, text } = mail;
  if (env.MAIL !== undefined) {
    await env.MAIL.send({ from: env.MAIL_FROM ?? 'codex@codex.example', to, subject, text });
    return;
  }
  await env.DB.batch([
    env.DB.prepare('INSERT INTO outbox (recipient, subject, body, created_at) VALUES (?1, ?2, ?3, ?4)').bind(
      to,
      subject,
      text,
      Date.now(),
    ),
    env.DB.prepare('DELETE FROM outbox WHERE id <= (SELECT max(id) FROM outbox) - ?1').bind(OUTBOX_SIZE),
  ]);
}

/** What lies in the outbox, the newest first. */
export async function readOutbox(db: D1Database): Promise<(Mail & { id: number; sentAt: number })[]> {
  const { results } = await db
    .prepare('SELECT id, recipient AS "to", subject, body AS text, created_at AS sentAt FROM outbox ORDER BY id DESC LIMIT 20')
    .all<Mail & { id: number; sentAt: number }>();
  return results;
}
