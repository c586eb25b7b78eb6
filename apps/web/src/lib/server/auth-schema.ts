const ROLES: ('customer' | 'creator' | 'owner')[] = ['customer', 'creator', 'owner'];

/** What better-auth keeps about a user beyond its own fields. A change here needs a migration. */
export const user = {
  additionalFields: {
    // Nobody chooses their own: `input` false keeps it out of the sign-up form.
    role: { type: ROLES, required: true, defaultValue: 'customer', input: false },
  },
} as const;
