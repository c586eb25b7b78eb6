import { describe, expect, it } from 'vitest';
import { experimental_readRawConfig } from 'wrangler';
import type { Unstable_RawEnvironment } from 'wrangler';
import { workerConfigs } from '../../../scripts/lib/local-workers.mjs';

function environmentOf(file: string, name: string): Unstable_RawEnvironment {
  const { rawConfig } = experimental_readRawConfig({ config: file });
  const found = name === 'local' ? rawConfig : rawConfig.env?.[name];
  if (found === undefined) throw new Error(`${file} has no environment ${name}`);
  return found;
}

const [api = ''] = workerConfigs();
const consumer = workerConfigs().find((file) => file.endsWith('/queue-consumer/wrangler.toml')) ?? '';

/** What no type and no binding says: which queue leads where. */
describe.each(['local', 'development', 'staging', 'production'])('the queues of %s', (name) => {
  const { producers = [], consumers = [] } = environmentOf(consumer, name).queues ?? {};
  const vars = environmentOf(consumer, name).vars ?? {};
  const [jobs, dead] = consumers;

  it('lead from the api worker to the consumer, and from there to the dead letters', () => {
    const from = (environment: Unstable_RawEnvironment): (string | undefined)[] =>
      environment.queues?.producers?.filter(({ binding }) => binding === 'TRANSCODING_QUEUE').map(({ queue }) => queue) ?? [];
    expect(from(environmentOf(api, name))).toEqual([jobs?.queue]);
    expect(producers.map(({ binding, queue }) => [binding, queue])).toEqual([
      ['TRANSCODING_QUEUE', jobs?.queue],
      ['DEAD_LETTERS', dead?.queue],
    ]);
    expect([jobs?.dead_letter_queue, vars['DEAD_LETTER_QUEUE']]).toEqual([dead?.queue, dead?.queue]);
    expect(dead?.dead_letter_queue).toBeUndefined();
  });

  it('deliver as often as an hour of asking takes, and a job stalls only after the longest wait', () => {
    expect(jobs?.max_retries).toBe(100);
    expect(dead?.max_retries).toBe(100);
    if (name !== 'local') expect(vars['STALLED_SECONDS']).toBeGreaterThan(2 * 120 + Number(vars['LEASE_SECONDS']));
  });
});
