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

  /** Asks for `count` paths, or for as many as fit into a time, as soon as connections are free. Rejects for an answer that is not 200. */
  async run(nextPath, { count = Number.POSITIVE_INFINITY, ms = Number.POSITIVE_INFINITY }) {
    const busy = performance.eventLoopUtilization();
    const began = performance.now();
    let begun = 0;
    const more = () => begun < count && performance.now() - began < ms && ++begun;
    await Promise.all(this.#sockets.map((socket) => keepAsking(socket, nextPath, more)));
    const tookMs = performance.now() - began;
    return { requests: begun, tookMs, busy: performance.eventLoopUtilization(busy).utilization };
  }

  /** What one path answers. */
  async ask(path) {
    let answer = '';
    await keepAsking(
      this.#sockets[0],
      () => path,
      once(),
      (body) => (answer = body),
    );
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

function keepAsking(socket, nextPath, more, read) {
  return new Promise((resolve, reject) => {
    let received = null;
    const end = (settle, value) => {
      socket.off('data', onData).off('close', onClose);
      settle(value);
    };
    const ask = () => {
      if (more()) socket.write(`GET ${nextPath()} HTTP/1.1\r\nHost: bench\r\n\r\n`, 'latin1');
      else end(resolve);
    };
    const onClose = () => end(reject, new Error('the worker closed a connection'));
    const onData = (chunk) => {
      received = received === null ? chunk : Buffer.concat([received, chunk]);
      const head = received.indexOf(HEAD_END, 0, 'latin1');
      if (head < 0) return;
      const [, length] = /^content-length: *(\d+)/im.exec(received.latin1Slice(0, head)) ?? [];
      if (length === undefined) return end(reject, new Error('an answer without a length'));
      const body = head + HEAD_END.length;
      if (received.length < body + Number(length)) return;
      if (received.compare(OK, 0, OK.length, 0, OK.length) !== 0) return end(reject, new Error(received.toString()));
      read?.(received.latin1Slice(body));
      received = null;
      ask();
    };
    socket.on('data', onData).on('close', onClose);
    ask();
  });
}
