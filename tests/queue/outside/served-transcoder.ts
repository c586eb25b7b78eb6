import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FakeTranscoder } from '../fake-transcoder.ts';

/** A transcoder over HTTP, with one more path, `/kill`, which answers when the test says so. */
export class ServedTranscoder {
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #transcoder: FakeTranscoder;
  readonly #waiting = new Set<ServerResponse>();
  /** Called when a run has been submitted, before that is answered. */
  onRun = (): void => {};

  constructor(transcoder: FakeTranscoder) {
    this.#transcoder = transcoder;
  }

  /** Listens on loopback; returns what RUNPOD_URL is to say. */
  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v2/fake`;
  }

  /** Kills every delivery there is; returns how many. */
  kill(): number {
    const killed = this.#waiting.size;
    for (const response of this.#waiting) response.end();
    this.#waiting.clear();
    return killed;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url?.endsWith('/kill')) {
      this.#waiting.add(response);
      response.on('close', () => this.#waiting.delete(response));
      return;
    }
    const init: RequestInit = { method: request.method ?? 'GET', headers: request.headers as Record<string, string> };
    if (request.method === 'POST') init.body = (await request.setEncoding('utf8').toArray()).join('');
    const answer = await this.#transcoder.fetch(new Request(`http://fake${request.url}`, init));
    if (request.url?.endsWith('/run')) this.onRun();
    response.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(await answer.text());
  }
}
