import * as v from 'valibot';

/** An email address, in the form in which D1 keeps it. 254 characters: the longest that SMTP can carry (RFC 5321). */
export const Email = v.pipe(v.string(), v.trim(), v.toLowerCase(), v.maxLength(254), v.email());

/** A password to be. Twelve characters, as OWASP's and NIST's advice on passwords without a second factor has it, and no other rule. */
export const NewPassword = v.pipe(v.string(), v.minLength(12), v.maxLength(256));

/** A token that was mailed: 256 bits, base64url. */
export const MailedToken = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/));
