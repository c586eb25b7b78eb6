import { CACHE_TTL, cacheKeys } from '@codex/cloudflare-clients';
import { Hono } from 'hono';
import type { Handler } from 'hono';
import { readSession } from '../auth/current-session.ts';
import { readThrough } from '../content/read-through.ts';
import type { AppEnv } from '../env.ts';
import { answer } from '../http/answer.ts';
import { HttpProblem, problems } from '../http/problem.ts';
import { activityIn, cohortOf, revenueIn, topContentIn } from './analytics-table.ts';
import { dayOf, monthOf, weekOf } from './periods.ts';
import type { Period } from './periods.ts';

/** How long what is not over yet is cached. What is over is cached for the spec's day, so a late refund may show a day late. */
const RUNNING_TTL_SECONDS = 300;

/** The routes under /analytics, for owners. Days, weeks and months are UTC's. */
export const analytics = new Hono<AppEnv>()
  /** `GET /analytics/daily/2026-11-22` */
  .get('/daily/:period', report(dayOf, cacheKeys.analyticsDaily, activityIn))
  /** `GET /analytics/revenue/2026-11` */
  .get('/revenue/:period', report(monthOf, cacheKeys.analyticsRevenueMonthly, revenueIn))
  /** `GET /analytics/top-content/2026-W47` */
  .get('/top-content/:period', report(weekOf, cacheKeys.analyticsTopContentWeekly, topContentIn))
  /** `GET /analytics/cohorts/2026-01`: those who came in that month, which names the cohort. */
  .get(
    '/cohorts/:period',
    report(monthOf, cacheKeys.analyticsUserCohorts, cohortOf, () => false),
  );

/**
 * Answers with a report on a period, from the cache where it has it. `isOver` says whether nothing can be added to it any more.
 * 400 for a period that there is none of or that has not begun, so that nobody fills the namespace with what will never be.
 */
function report<T>(
  periodOf: (text: string) => Period | null,
  keyOf: (text: string) => string,
  load: (db: D1Database, period: Period) => Promise<T>,
  isOver = (period: Period): boolean => period.end <= Date.now(),
): Handler<AppEnv> {
  return async (c) => {
    const found = await readSession(c);
    if (found === null) throw problems.notSignedIn();
    if (found.user.role !== 'owner') throw new HttpProblem('forbidden', 403, 'Forbidden', 'Only the owner sees this.');
    const name = c.req.param('period') ?? '';
    const period = periodOf(name);
    if (period === null || period.start > Date.now()) {
      throw new HttpProblem('invalid-input', 400, 'Invalid input', 'Check: period.', { members: { fields: ['period'] } });
    }
    const ttlSeconds = isOver(period) ? CACHE_TTL.analyticsDaily : RUNNING_TTL_SECONDS;
    const result = await readThrough(c, keyOf(name), ttlSeconds, () => c.var.served.d1('sum up', () => load(c.env.DB, period)));
    return answer(c, { period: name, report: result });
  };
}
