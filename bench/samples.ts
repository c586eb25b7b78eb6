import type { CachedSession } from '@codex/cloudflare-clients';

const HOUR_MS = 3_600_000;

/** A session of about 450 bytes of JSON, to be made within a request: a Worker that is starting has no clock. */
export function sampleSession(number: number): CachedSession {
  const id = String(number).padStart(12, '0');
  return {
    session: {
      id: `3f6c1d2e-8a4b-4c9d-9e0f-${id}`,
      userId: `b7e6a5d4-1c2b-4a3f-8d9e-${id}`,
      token: sampleToken(number),
      expiresAt: new Date(Date.now() + 24 * HOUR_MS).toISOString(),
      ipAddress: '203.0.113.77',
      userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)',
    },
    user: {
      id: `b7e6a5d4-1c2b-4a3f-8d9e-${id}`,
      email: `somebody.${number}@codex.example`,
      name: 'Some Body',
      role: 'customer',
      emailVerified: true,
    },
  };
}

/** The token of that session. */
export function sampleToken(number: number): string {
  return `Zk3vQ9xT7mB1nL5cR8wY2pH6dJ${String(number).padStart(6, '0')}`;
}

/** What is cached: a list like the platform's, about 480 bytes of JSON. */
export interface SampleList {
  items: { id: string; title: string; price: number }[];
}

export function sampleList(number: number): SampleList {
  return {
    items: Array.from({ length: 6 }, (_, index) => ({
      id: `c0ffee00-0000-4000-8000-${String(number * 6 + index).padStart(12, '0')}`,
      title: `Lesson ${index} of ${number}`,
      price: 999 + index,
    })),
  };
}
