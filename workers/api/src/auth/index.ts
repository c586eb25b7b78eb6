import { Hono } from 'hono';
import type { AppEnv } from '../env.ts';
import { login } from './login.ts';
import { logout } from './logout.ts';
import { me } from './me.ts';

/** The routes under /auth. */
export const auth = new Hono<AppEnv>().post('/login', login).post('/logout', logout).get('/me', me);
