import { LocalWorker, freePort } from '../browser/local-worker.ts';
import type { Project } from './project.ts';

/** What the worker of a project answers, under `wrangler dev` on local KV of its own. */
export async function served(project: Project, config: string): Promise<unknown> {
  const worker = new LocalWorker(project.path('.state', config), await freePort(), {
    configs: [project.path(config)],
    ready: '/ready',
  });
  try {
    await worker.start();
    const response = await fetch(worker.url, { signal: AbortSignal.timeout(10_000) });
    const text = await response.text();
    return response.ok ? JSON.parse(text) : text;
  } finally {
    await worker.stop();
  }
}
