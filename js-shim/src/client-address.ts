import * as Field from './codex-core.field.js';
import * as State from './codex-core.state.js';
import { refusal } from './call.js';
import { checkString, numberOr, readArgument } from './caller.js';
import { core } from './core.js';
import { checkOptions } from './options.js';

/** How much of an IPv6 address names a client. */
export interface AddressOptions {
  /**
   * Leading bits: a whole number from 1 to 128. Default 64, the network of one link (RFC 4291, 2.5.4): whoever has one IPv6
   * address has 2^64. Providers hand out more than that; 56 or 48 takes a whole household or site for one client.
   */
  ipv6Prefix?: number;
}

const DEFAULT_IPV6_PREFIX = 64;
/** No address is longer; of what is, the core sees so much and finds it wanting. */
const ADDRESS_UNITS = 65;

/**
 * The address of whoever sent a request, in the form of {@link normalizeAddress}; null where the request has none. Made to be
 * the identifier of a rate limit.
 *
 * Only `CF-Connecting-IP` is read, which Cloudflare's edge sets, whatever the client sent. Anybody can send an
 * `X-Forwarded-For`, and a `True-Client-IP` where Cloudflare does not set it, so neither is looked at. Know of it that
 * - Workers of other zones show as `2a06:98c0:3600::103`, all of them: they share one form, so tell them apart by a key of theirs;
 * - a Worker of your own, over a service binding or within the zone (`x-real-ip`), decides what it passes on;
 * - with Pseudo IPv4 set to overwrite headers, it holds a made-up address of 240.0.0.0/4 for an IPv6 client;
 *   `CF-Connecting-IPv6` is not read, since a client can send that as well where the setting is off;
 * - `wrangler dev` sets it to the address it sees, unless the client sent one.
 * (developers.cloudflare.com/fundamentals/reference/http-headers, developers.cloudflare.com/network/pseudo-ipv4)
 *
 * Null in tests and in Node, where nobody sets the header, and where a transform rule removes it. Do not put all such
 * callers into one bucket with a limit meant for one, where anybody could lock out everybody else: limit them by what else
 * is known, such as the account, or refuse them.
 * ```ts
 * const address = clientAddress(request);
 * if (address === null) return new Response('No client address', { status: 403 });
 * ```
 * Throws `invalid-argument` for what is no request, `invalid-config` for a prefix out of range. No I/O.
 */
export function clientAddress(
  request: { readonly headers: { get(name: string): string | null } },
  options: AddressOptions = {},
): string | null {
  const text: unknown = readArgument('clientAddress', 'request', () => request.headers.get('CF-Connecting-IP'));
  return typeof text === 'string' ? formOf(text, options, 'clientAddress') : null;
}

/**
 * One text for everything a client can call itself, never the same for two clients; null for what is no address.
 *
 * | address | form |
 * |---|---|
 * | `203.0.113.7` | itself |
 * | `::ffff:203.0.113.7`, `64:ff9b::203.0.113.7` (NAT64), `2002:cb00:7107::1` (6to4) | `203.0.113.7` |
 * | `2001:DB8:1:2:3::4`, `fe80::1%eth0` | `2001:db8:1:2::/64`, `fe80::/64` |
 * | the first of them under an `ipv6Prefix` of 128 | `2001:db8:1:2:3::4` |
 *
 * The form is its own form under the same prefix. White space, brackets, a port, a leading zero in IPv4 and any other
 * network are no address. Throws `invalid-argument` where the address is no string, `invalid-config` for a prefix out of range.
 *
 * In the moments in which the core is being replaced after a trap the text counts as it stands, but for IPv6 as far as its
 * first `::`, and four groups at most: no request fails, and moving about in one network wins next to nothing.
 */
export function normalizeAddress(address: string, options: AddressOptions = {}): string | null {
  checkString(address, 'normalizeAddress', 'address');
  return formOf(address, options, 'normalizeAddress');
}

function formOf(text: string, options: AddressOptions, op: string): string | null {
  checkOptions(options, op);
  const { ipv6Prefix = DEFAULT_IPV6_PREFIX } = options;
  const instance = core.acquire(Date.now());
  if (instance === null) return roughFormOf(text);
  let state: number;
  try {
    instance.rewind();
    state = instance.exports.normalizeAddress(instance.writeHead(text, ADDRESS_UNITS), numberOr(ipv6Prefix));
  } catch {
    core.condemn(instance, Date.now());
    return roughFormOf(text);
  }
  if (state === State.Refused) throw refusal(op, instance);
  const length = instance.int(Field.ValueLength);
  if (length === 0) return null;
  return instance.int(Field.KeyIsInput) === 1 ? text : instance.text(instance.int(Field.ValueAddress), length);
}

/** What can be done without the core: not one form for a network, but never more than a few. */
function roughFormOf(text: string): string {
  const [start = ''] = text.split('::', 1);
  return start.split(':').slice(0, 4).join(':') || text;
}
