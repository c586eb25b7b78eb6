import type { User } from '../auth/users-table.ts';
import { HttpProblem } from '../http/problem.ts';

/** Whether this user may publish everybody's content, not their own alone. */
export function seesEverything(user: User): boolean {
  return user.role === 'owner';
}

/** Throws `forbidden` unless the user may publish at all. */
export function requirePublisher(user: User): void {
  if (user.role === 'customer') throw forbidden('Only creators and the owner publish.');
}

/** Throws `forbidden` unless the user may publish this creator's content. */
export function requirePublisherOf(user: User, creatorId: string): void {
  requirePublisher(user);
  if (!seesEverything(user) && user.id !== creatorId) throw forbidden('This belongs to another creator.');
}

function forbidden(detail: string): HttpProblem {
  return new HttpProblem('forbidden', 403, 'Forbidden', detail);
}
