import { connect } from 'node:net';

/** Connections that are kept, each with one request at a time. With so little done for each that the other side sets the pace. */
export class HttpLoad {
  #sockets;

  static async open(url, connections) {
    const load = new HttpLoad();
    const { hostname, port } = new URL(url);
    load.#sockets = await Promise.all(Array.from({ length: connections }, () => opened(hostname, Number(port))));
    return load;
  }

  /**
   * Asks for `count` paths, or for as many as fit into a time, as soon as connections are free; `next` gives a path, or a path and a
   * cookie. Rejects for an answer that is not 200. `read` is shown the head and the body of each answer, as text.
   */
  async run(next, { count = Number.POSITIVE_INFINITY, ms = Number.POSITIVE_INFINITY, read }) {
    const busy = performance.eventLoopUtilization();
    const began = performance.now();
    let begun = 0;
    const tookEach = [];
    const more = () => begun < count && performance.now() - began < ms && ++begun;
    await Promise.all(this.#sockets.map((socket) => keepAsking(socket, next, more, { tookEach, read })));
    const tookMs = performance.now() - began;
    return { requests: begun, tookMs, tookEach, busy: performance.eventLoopUtilization(busy).utilization };
  }

  /** What one path answers. */
  async ask(path) {
    let answer = '';
    await keepAsking(this.#sockets[0], () => path, once(), { tookEach: [], read: (_, body) => (answer = body) });
    return answer;
  }

  close() {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function once() {
  let left = 1;
  return () => left-- > 0;
}

function opened(host, port) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true }, () => resolve(socket));
    socket.on('error', reject);
  });
}

const OK = Buffer.from('HTTP/1.1 200');
const HEAD_END = '\r\n\r\n';
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

function keepAsking(socket, next, more, { tookEach, read }) {
  return new Promise((resolve, reject) => {
    let received = null;
    let askedAt = 0;
    const end = (settle, value) => {
      socket.off('data', onData).off('close', onClose);
      settle(value);
    };
    const ask = () => {
      if (!more()) return end(resolve);
      askedAt = performance.now();
      socket.write(requestFor(next()), 'latin1');
    };
    const onClose = () => end(reject, new Error('the worker closed a connection'));
    const onData = (chunk) => {
      received = received === null ? chunk : Buffer.concat([received, chunk]);
      const headEnd = received.indexOf(HEAD_END, 0, 'latin1');
      if (headEnd < 0) return;
      const head = received.latin1Slice(0, headEnd);
      const body = received.subarray(headEnd + HEAD_END.length);
      const complete = isComplete(head, body);
      if (complete === undefined) return end(reject, new Error('an answer without a length'));
      if (!complete) return;
      tookEach.push(performance.now() - askedAt);
      if (received.compare(OK, 0, OK.length, 0, OK.length) !== 0) return end(reject, new Error(received.toString()));
      read?.(head, body.latin1Slice());
      received = null;
      ask();
    };
    socket.on('data', onData).on('close', onClose);
    ask();
  });
}

function requestFor(wanted) {
  const { path, cookie } = typeof wanted === 'string' ? { path: wanted } : wanted;
  return `GET ${path} HTTP/1.1\r\nHost: bench\r\n${cookie === undefined ? '' : `Cookie: ${cookie}\r\n`}\r\n`;
}

/** Whether all of a body is there; undefined where the head does not say how to know. What is asked for here holds no CR itself. */
function isComplete(head, body) {
  const [, length] = /^content-length: *(\d+)/im.exec(head) ?? [];
  if (length !== undefined) return body.length >= Number(length);
  if (!/^transfer-encoding: *chunked/im.test(head)) return undefined;
  return body.length >= LAST_CHUNK.length && body.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK);
}
