/** A session and its user, as they are cached. Fields beyond these survive a round trip. */
export interface CachedSession {
  session: {
    id: string;
    userId: string;
    token: string;
    /** ISO 8601. A `Date` is accepted by `set` and comes back as its ISO string. */
    expiresAt: string;
    ipAddress?: string;
    userAgent?: string;
    createdAt?: string;
    updatedAt?: string;
    impersonatedBy?: string | null;
    activeOrganizationId?: string | null;
  };
  user: {
    id: string;
    email: string;
    name: string;
    role: 'customer' | 'owner' | 'creator';
    emailVerified: boolean;
  };
}

/** A session as `set` takes it: dates may still be `Date`s, and what is unknown null, as databases return them. */
export type SessionInput = Omit<CachedSession, 'session'> & {
  session: Omit<CachedSession['session'], 'expiresAt' | 'createdAt' | 'updatedAt' | 'ipAddress' | 'userAgent'> & {
    ipAddress?: string | null;
    userAgent?: string | null;
    expiresAt: string | Date;
    createdAt?: string | Date;
    updatedAt?: string | Date;
  };
};
