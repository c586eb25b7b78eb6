// Puts the caches to their tasks inside workerd, in one request.
import { measurePeers, type PeerOrder } from './peer-rounds.ts';
import type { Peer } from './peers/peer.ts';

/** Not by a name that the bundler could read: one that cannot be loaded must not keep the others from it. */
const load = (name: string): Promise<{ peers: Peer[] }> => import(pathOf(name));
const pathOf = (name: string): string => `./${name}.js`;

export default {
  async fetch(request: Request): Promise<Response> {
    return Response.json(await measurePeers(load, (await request.json()) as PeerOrder));
  },
};
