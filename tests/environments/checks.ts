import { ENVIRONMENTS } from './binding.ts';
import type { Binding, Placed } from './binding.ts';

const where = ({ name, environment }: Placed): string => `${name} (${environment})`;

/** What a worker's code expects and its configuration does not give, or gives otherwise, or gives and nobody expects. */
export function unfit(placed: readonly Placed[]): string[] {
  return placed.flatMap((worker) => {
    const given = new Map(worker.bindings.map((binding) => [binding.name, binding]));
    const expected = new Set(worker.members.map(({ name }) => name));
    const wrong = worker.members.flatMap(({ name, optional, kinds }) => {
      const binding = given.get(name);
      if (binding === undefined) return optional ? [] : [`${where(worker)} has no ${name}`];
      return kinds.includes(binding.kind)
        ? []
        : [`${where(worker)}: ${name} is a ${binding.kind}, not a ${kinds.join(' or ')}`];
    });
    // Static files a framework may serve by itself.
    const unknown = worker.bindings.filter(({ name, kind }) => !expected.has(name) && kind !== 'assets');
    return [...wrong, ...unknown.map(({ name }) => `${where(worker)}: its Env knows no ${name}`)];
  });
}

/** What is bound in two environments, or by two platforms: there, one would write over the other's data. */
export function shared(placed: readonly Placed[]): string[] {
  const places = new Map<string, Set<string>>();
  for (const worker of placed) {
    const bound = worker.bindings.flatMap(({ id }) => (id === undefined ? [] : [id]));
    for (const id of [worker.name, ...bound, ...worker.ids]) {
      places.set(id, (places.get(id) ?? new Set()).add(`${worker.environment} of ${worker.platform}`));
    }
  }
  return Array.from(places)
    .filter(([, of]) => of.size > 1)
    .map(([id, of]) => `${id} is in ${[...of].join(' and in ')}`);
}

/** Workers of one platform and environment that bind the same name to two things: what one writes the other does not see. */
export function apart(placed: readonly Placed[]): string[] {
  const found: string[] = [];
  const first = new Map<string, { id: string; worker: Placed }>();
  for (const worker of placed) {
    for (const { name, kind, id } of worker.bindings) {
      if (id === undefined) continue;
      const key = [worker.platform, worker.environment, kind, name].join(' ');
      const known = first.get(key);
      if (known === undefined) first.set(key, { id, worker });
      else if (known.id !== id) found.push(`${name} is ${known.id} to ${where(known.worker)} and ${id} to ${where(worker)}`);
    }
  }
  return found;
}

/** Bindings to a worker that there is none of in that environment, or to an entry point that it does not export. */
export function unconnected(placed: readonly Placed[]): string[] {
  const services = (worker: Placed): Binding[] => worker.bindings.filter(({ kind }) => kind === 'service');
  return placed.flatMap((worker) =>
    services(worker).flatMap(({ name, id, entrypoint }) => {
      const target = placed.find((other) => other.name === id && other.environment === worker.environment);
      if (target === undefined) return [`${where(worker)}: ${name} is to ${id}, which is no worker there`];
      const exported = entrypoint === undefined || target.exports.includes(entrypoint);
      return exported ? [] : [`${where(worker)}: ${name} is to ${entrypoint}, which ${id} does not export`];
    }),
  );
}

/** Workers that lack an environment the others have. Wrangler would deploy one under the name it was asked for, with no bindings. */
export function absent(placed: readonly Placed[]): string[] {
  return placed
    .filter(({ environment, bindings }) => ENVIRONMENTS.includes(environment) && bindings.length === 0)
    .map((worker) => `${where(worker)} binds nothing`);
}
