import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { unstable_readConfig } from 'wrangler';
import type { Unstable_Config } from 'wrangler';
import { ENVIRONMENTS } from './binding.ts';
import type { Binding, Environment, Kind, Placed } from './binding.ts';
import { membersOf } from './env-type.ts';

const ROOT = join(import.meta.dirname, '../..');

/** A worker of this repository. */
export interface Worker {
  /** Its wrangler.toml, by its path from the root. */
  config: string;
  platform: string;
  /** Whether what is deployed is written here, and not the output of a build of its own. */
  fromSource: boolean;
}

/** Every worker: the root's and those beside it are one platform, and each application is one of its own. */
export function workers(): Worker[] {
  const inside = (folder: string): string[] =>
    existsSync(join(ROOT, folder)) ? readdirSync(join(ROOT, folder)).map((name) => join(folder, name, 'wrangler.toml')) : [];
  const platform = ['wrangler.toml', ...inside('workers')].map((config) => ({ config, platform: 'workers' }));
  const applications = inside('apps').map((config) => ({ config, platform: dirname(config) }));
  return [...platform, ...applications]
    .filter(({ config }) => existsSync(join(ROOT, config)))
    .map((worker) => ({ ...worker, fromSource: /\/src\/[^.][^/]*\.ts$/.test(read(worker.config, 'local').main ?? '') }));
}

/** A worker as it is in each environment. */
export function placed({ config, platform }: Worker): Placed[] {
  return ENVIRONMENTS.map((environment) => {
    const settings = read(config, environment);
    const main = settings.main ?? '';
    return {
      name: settings.name ?? '',
      platform,
      environment,
      members: membersOf(readFileSync(join(ROOT, typeFileOf(config, main)), 'utf8')),
      bindings: bindingsOf(settings),
      ids: (settings.queues.consumers ?? []).flatMap(({ queue, dead_letter_queue: dead }) => (dead ? [queue, dead] : [queue])),
      exports: existsSync(main) ? exportsOf(readFileSync(main, 'utf8')) : [],
    };
  });
}

function read(config: string, environment: Environment): Unstable_Config {
  const args = { config: join(ROOT, config), ...(environment === 'local' ? {} : { env: environment }) };
  return unstable_readConfig(args, { hideWarnings: true });
}

/** Where the type of the bindings stands: beside the worker's entry, or where SvelteKit has it. */
function typeFileOf(config: string, main: string): string {
  const candidates = [join(relative(ROOT, dirname(main)), 'env.ts'), join(dirname(config), 'src/app.d.ts')];
  const found = candidates.find((file) => existsSync(join(ROOT, file)));
  if (found === undefined) throw new Error(`${config}: no type of its bindings in ${candidates.join(' or ')}`);
  return found;
}

function bindingsOf(settings: Unstable_Config): Binding[] {
  const values = [...Object.keys(settings.vars), ...(settings.secrets?.required ?? [])];
  return [
    ...settings.kv_namespaces.map(({ binding, id }) => bound(binding, 'kv', id)),
    ...settings.d1_databases.map(({ binding, database_id: id }) => bound(binding, 'd1', id)),
    ...settings.r2_buckets.map(({ binding, bucket_name: id }) => bound(binding, 'r2', id)),
    ...(settings.queues.producers ?? []).map(({ binding, queue }) => bound(binding, 'queue', queue)),
    ...settings.analytics_engine_datasets.map(({ binding, dataset }) => bound(binding, 'dataset', dataset)),
    ...settings.durable_objects.bindings.map(({ name }) => bound(name, 'object', undefined)),
    ...settings.send_email.map(({ name }) => bound(name, 'email', undefined)),
    ...(settings.assets?.binding === undefined ? [] : [bound(settings.assets.binding, 'assets', undefined)]),
    ...values.map((name) => bound(name, 'value', undefined)),
    ...(settings.services ?? []).map(({ binding, service, entrypoint }) => ({
      ...bound(binding, 'service', service),
      ...(entrypoint === undefined ? {} : { entrypoint }),
    })),
  ];
}

function bound(name: string, kind: Kind, id: string | undefined): Binding {
  return id === undefined ? { name, kind } : { name, kind, id };
}

/** The names that a module exports, besides its default. */
function exportsOf(source: string): string[] {
  const listed = Array.from(source.matchAll(/^export\s*\{([^}]*)\}/gm), ([, names = '']) => names.split(',')).flat();
  const declared = Array.from(source.matchAll(/^export\s+(?:class|const|function)\s+(\w+)/gm), ([, name = '']) => name);
  return [
    ...listed.map(
      (name) =>
        name
          .trim()
          .split(/\s+as\s+/)
          .at(-1) ?? '',
    ),
    ...declared,
  ].filter((name) => name !== '');
}
