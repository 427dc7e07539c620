// The data plane on node:net in the main thread: the form for platforms without koffi. Hits are copied from the page store.
import { createServer, type Server, type Socket } from 'node:net';
import { chmodSync } from 'node:fs';
import { type DataPlane, type DataPlaneCounters, type DataPlaneStats, DEFAULT_LIMITS, type PortableDataPlaneOptions } from './contracts.ts';
import { prepareSocketPath, SOCKET_MODE } from './socket-path.ts';
import { listenError } from './listening.ts';
import { PortableConnection } from './portable-connection.ts';

class PortableDataPlane implements DataPlane {
  readonly #options: PortableDataPlaneOptions;
  readonly #servers: Server[] = [];
  readonly #connections = new Set<PortableConnection>();
  readonly #sockets = new Set<Socket>();
  readonly #counters: DataPlaneCounters = { requests: 0, hits: 0, hitBytes: 0, misses: 0, bytesSent: 0, connectionsCut: 0 };
  #onIdle: (() => void) | undefined;
  readonly native = false;
  port = 0;

  constructor(options: PortableDataPlaneOptions) {
    this.#options = options;
  }

  async start(): Promise<this> {
    const { host, port, unixPath } = this.#options;
    try {
      const tcp = await this.#listen({ host, port });
      const address = tcp.address();
      this.port = typeof address === 'object' && address !== null ? address.port : 0;
      if (unixPath !== '') {
        prepareSocketPath(unixPath);
        await this.#listen({ path: unixPath });
        chmodSync(unixPath, SOCKET_MODE);
      }
      return this;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  stats(): DataPlaneStats {
    return { ...this.#counters, connections: this.#connections.size, inFlight: this.#inFlight() };
  }

  async drain(timeoutMs: number): Promise<void> {
    for (const server of this.#servers) server.close();
    if (this.#inFlight() > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, timeoutMs);
      this.#onIdle = resolve;
      await promise;
      clearTimeout(timer);
    }
    await this.close();
  }

  async close(): Promise<void> {
    const closed = this.#servers.splice(0).map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    // What was written is flushed by end(); a reader that does not take it is destroyed with the rest.
    for (const socket of this.#sockets) socket.destroySoon();
    const force = setTimeout(() => [...this.#sockets].forEach((socket) => socket.destroy()), 500);
    await Promise.all(closed);
    clearTimeout(force);
  }

  #inFlight(): number {
    let total = 0;
    for (const connection of this.#connections) total += connection.inFlight;
    return total;
  }

  #listen(where: { readonly host: string; readonly port: number } | { readonly path: string }): Promise<Server> {
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        const place = 'path' in where ? where.path : `${where.host}:${where.port}`;
        reject(listenError(place, { isInUse: error.code === 'EADDRINUSE', cause: error }));
      });
      server.listen(where, () => resolve(server));
    });
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= (this.#options.limits?.connectionsMax ?? DEFAULT_LIMITS.connectionsMax)) {
      this.#counters.connectionsCut += 1;
      socket.destroy();
      return;
    }
    const { keys, pages, handler, limits } = this.#options;
    const onIdle = (): void => {
      if (this.#onIdle !== undefined && this.#inFlight() === 0) this.#onIdle();
    };
    const connection = new PortableConnection({ socket, keys, pages, handler, limits: { ...DEFAULT_LIMITS, ...limits }, counters: this.#counters, onIdle });
    this.#connections.add(connection);
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#connections.delete(connection);
      this.#sockets.delete(socket);
    });
  }
}

/** @throws AddressInUse, InvalidConfiguration */
export async function startPortableDataPlane(options: PortableDataPlaneOptions): Promise<DataPlane> {
  return await new PortableDataPlane(options).start();
}
