/** A stretch of time, from `start` up to but not including `end`; Unix milliseconds, in UTC. */
export interface Period {
  start: number;
  end: number;
}

const DAY_MS = 86_400_000;

/** The day `YYYY-MM-DD`, or null where there is none such. */
export function dayOf(text: string): Period | null {
  const start = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  // The 30th of February is parsed by some as the 2nd of March.
  if (Number.isNaN(start) || new Date(start).toISOString().slice(0, 10) !== text) return null;
  return { start, end: start + DAY_MS };
}

/** The month `YYYY-MM`, or null. */
export function monthOf(text: string): Period | null {
  const first = dayOf(`${text}-01`);
  if (first === null) return null;
  const start = new Date(first.start);
  return { start: first.start, end: Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1, 1) };
}

/** The week `YYYY-Www` of ISO 8601, Monday to Sunday, or null: week 1 is the one with 4 January, and few years have a week 53. */
export function weekOf(text: string): Period | null {
  const [, year, week] = /^(\d{4})-W(\d{2})$/.exec(text) ?? [];
  const fourth = dayOf(`${year}-01-04`);
  if (fourth === null || week === undefined || Number(week) < 1) return null;
  const monday = fourth.start - ((new Date(fourth.start).getUTCDay() + 6) % 7) * DAY_MS;
  const start = monday + (Number(week) - 1) * 7 * DAY_MS;
  // A week is the year's that has its Thursday.
  const thursday = new Date(start + 3 * DAY_MS);
  return thursday.getUTCFullYear() === Number(year) ? { start, end: start + 7 * DAY_MS } : null;
}
