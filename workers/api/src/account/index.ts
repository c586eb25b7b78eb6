import { Hono } from 'hono';
import type { AppEnv } from '../env.ts';
import { confirmEmail, resendVerification } from './email-verification.ts';
import { ownSessions, revokeOwnSession, signOutEverywhere } from './own-sessions.ts';
import { changePassword } from './password-change.ts';
import { confirmReset, requestReset } from './password-reset.ts';
import { register } from './register.ts';

/** The routes under /account. */
export const account = new Hono<AppEnv>()
  .post('/register', register)
  .post('/verify-email', confirmEmail)
  .post('/verify-email/resend', resendVerification)
  .post('/password-reset', requestReset)
  .post('/password-reset/confirm', confirmReset)
  .post('/password', changePassword)
  .get('/sessions', ownSessions)
  .post('/sessions/:id/revoke', revokeOwnSession)
  .post('/sign-out-everywhere', signOutEverywhere);
