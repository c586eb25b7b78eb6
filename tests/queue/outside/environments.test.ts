import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { experimental_readRawConfig } from 'wrangler';
import type { Unstable_RawConfig, Unstable_RawEnvironment } from 'wrangler';
import { workerConfigs } from '../../../scripts/lib/local-workers.mjs';

const WRANGLER = join(dirname(createRequire(import.meta.url).resolve('wrangler/package.json')), 'bin', 'wrangler.js');
const ENVIRONMENTS = ['local', 'development', 'staging', 'production'] as const;

const path = (end: string): string => workerConfigs().find((file) => file.endsWith(end)) ?? end;
const CONSUMER = path('/workers/queue-consumer/wrangler.toml');
const API = workerConfigs()[0] ?? '';

type Environment = Unstable_RawEnvironment;

function environmentOf(file: string, name: (typeof ENVIRONMENTS)[number]): Environment {
  const { rawConfig } = experimental_readRawConfig({ config: file });
  const found = name === 'local' ? (rawConfig as Unstable_RawConfig) : rawConfig.env?.[name];
  if (found === undefined) throw new Error(`${file} has no environment ${name}`);
  return found;
}

/** The names of all that an environment binds. */
function bindings(environment: Environment): string[] {
  return [
    ...Object.keys(environment.vars ?? {}),
    ...(environment.secrets?.required ?? []),
    ...(environment.kv_namespaces ?? []).map(({ binding }) => binding),
    ...(environment.d1_databases ?? []).map(({ binding }) => binding),
    ...(environment.queues?.producers ?? []).map(({ binding }) => binding),
  ].toSorted();
}

/** The members of the consumer's Env. */
function envMembers(): string[] {
  const text = readFileSync(join(dirname(CONSUMER), 'src/env.ts'), 'utf8');
  return Array.from(text.matchAll(/^ {2}(\w+): /gm), ([, name = '']) => name).toSorted();
}

describe.each(ENVIRONMENTS)('%s', (name) => {
  const consumer = environmentOf(CONSUMER, name);
  const api = environmentOf(API, name);

  it('binds what the consumer asks for, and nothing else', () => {
    expect(bindings(consumer)).toEqual(envMembers());
  });

  it('gives the consumer the cache, the database and the queue of the api worker', () => {
    const id = (environment: Environment): unknown =>
      environment.kv_namespaces?.find(({ binding }) => binding === 'CACHE_KV')?.id;
    expect(id(consumer)).toBe(id(api));
    expect(consumer.d1_databases?.[0]?.database_id).toBe(api.d1_databases?.[0]?.database_id);
    const [jobs] = consumer.queues?.consumers ?? [];
    expect([jobs?.queue]).toEqual(api.queues?.producers?.map(({ queue }) => queue));
    expect(api.r2_buckets).toHaveLength(1);
    expect(consumer.secrets?.required).toEqual(expect.arrayContaining(api.secrets?.required ?? []));
  });

  it('consumes both queues, and retries as often as an hour of asking takes', () => {
    const [jobs, dead] = consumer.queues?.consumers ?? [];
    expect(jobs?.dead_letter_queue).toBe(dead?.queue);
    expect(consumer.vars?.['DEAD_LETTER_QUEUE']).toBe(dead?.queue);
    expect(jobs?.max_retries).toBe(100);
    expect(dead?.dead_letter_queue).toBeUndefined();
  });
});

it('shares no queue, bucket, database or namespace between environments', () => {
  const ids = ENVIRONMENTS.flatMap((name) => {
    const api = environmentOf(API, name);
    const consumer = environmentOf(CONSUMER, name);
    return [
      ...(api.kv_namespaces ?? []).map(({ id }) => id),
      ...(api.d1_databases ?? []).map(({ database_id }) => database_id),
      ...(api.r2_buckets ?? []).map(({ bucket_name }) => bucket_name),
      ...(consumer.queues?.consumers ?? []).map(({ queue }) => queue),
    ];
  });
  expect(ids).toHaveLength(4 * 7);
  expect(new Set(ids).size).toBe(ids.length);
});

it.each(['development', 'staging', 'production'])('can be deployed: %s', async (name) => {
  const args = ['deploy', '--dry-run', '--config', CONSUMER, '--env', name];
  const { stdout } = await promisify(execFile)(process.execPath, [WRANGLER, ...args], {
    env: { ...process.env, CI: '1', WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1' },
  });
  expect(stdout).toContain(`transcoding-dead-letters-${name}`);
  expect(stdout).toContain('--dry-run: exiting now.');
});
