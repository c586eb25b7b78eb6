import type { Said } from './fixtures/exercise.ts';

/** What the clients say, wherever the package runs. */
export const EXPECTED: Said = {
  limit: {
    allowed: [true, true, true, true, true, false],
    remaining: [4, 3, 2, 1, 0, 0],
    reasons: ['ok', 'ok', 'ok', 'ok', 'ok', 'limit'],
    afterReset: true,
  },
  session: {
    found: {
      session: { id: 's1', userId: 'u1', token: 'token-1', expiresAt: '2099-01-01T00:00:00.000Z' },
      user: { id: 'u1', email: 'ada@example.com', name: 'Ada', role: 'creator', emailVerified: true },
    },
    afterDelete: null,
    ofNobody: null,
  },
  cache: { got: ['Zürich', '東京'], loads: 1, afterDelete: null },
  refused: 'invalid-argument',
};
