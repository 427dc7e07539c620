import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../common/async/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import type { DataConnection, DataPlaneEndpoint } from '../../proto/frames/contracts.ts';
import type { RouteTarget } from '../cache-client.ts';
import { DEFAULT_SETTINGS } from '../client-settings.ts';
import { ConnectionPool, type ConnectWorker } from './connection-pool.ts';

const target: RouteTarget = {
  workerId: 'w',
  instanceId: 'i',
  hostId: 'h',
  endpoint: { host: 'w', port: 1, unixPath: '' },
  kind: 'owner',
  coLocated: false,
  online: true,
  suspect: false,
};

class Wire implements DataConnection {
  closed = false;
  inFlight = 0;
  pings = 0;
  answersPings = true;
  receivedBytes = 0;
  onPing: () => void = () => undefined;
  read(): Promise<never> {
    throw new Error('not here');
  }
  call(): Promise<{ bytes: Buffer; flags: number }> {
    this.pings++;
    this.onPing();
    if (!this.answersPings) return Promise.resolve().then(() => Promise.reject(new CacheError('DeadlineExceeded', 'no answer')));
    return Promise.resolve({ bytes: Buffer.alloc(0), flags: 0 });
  }
  close(): void {
    this.closed = true;
  }
}

function stage(connect?: ConnectWorker): { pool: ConnectionPool; wires: Wire[]; silent: string[]; clock: FakeClock } {
  const clock = new FakeClock();
  const wires: Wire[] = [];
  const silent: string[] = [];
  const open: ConnectWorker = () => {
    const wire = new Wire();
    wires.push(wire);
    return Promise.resolve(wire);
  };
  const settings = { ...DEFAULT_SETTINGS, connectionsPerWorkerMax: 2 };
  return { pool: new ConnectionPool({ connect: connect ?? open, settings, clock, onSilent: (id) => silent.push(id) }), wires, silent, clock };
}

describe('the pool', () => {
  it('callers that come while the first connection is opened share it', async () => {
    const { pool, wires } = stage();
    await Promise.all(Array.from({ length: 10 }, async () => await pool.acquire(target)));
    expect(wires).toHaveLength(1);
  });

  it('cuts a connection whose peer answers neither requests nor pings, and tells', async () => {
    const { pool, wires, silent, clock } = stage();
    await pool.acquire(target);
    wires[0]!.inFlight = 1;
    wires[0]!.answersPings = false;
    await clock.advance(5000);
    expect(wires[0]!.closed).toBe(true);
    expect(silent).toEqual(['w']);
    await pool.acquire(target);
    expect(wires).toHaveLength(2);
  });

  it('keeps a busy connection whose peer answers pings, for as long as it takes', async () => {
    const { pool, wires, silent, clock } = stage();
    await pool.acquire(target);
    wires[0]!.inFlight = 1;
    await clock.advance(60_000);
    expect(wires[0]!.closed).toBe(false);
    expect(wires[0]!.pings).toBeGreaterThan(20);
    expect(silent).toEqual([]);
  });

  it('keeps a connection that gave an answer while its ping waited: the link is slow, not silent', async () => {
    const { pool, wires, silent, clock } = stage();
    const pooled = await pool.acquire(target);
    const wire = wires[0]!;
    wire.inFlight = 1;
    wire.call = () => {
      pool.answered(pooled);
      return clock.advance(0).then(() => Promise.reject(new CacheError('DeadlineExceeded', 'no answer')));
    };
    await clock.advance(1200);
    pool.answered(pooled);
    await clock.advance(300);
    expect(wire.closed).toBe(false);
    expect(silent).toEqual([]);
  });

  it('keeps a connection on which bytes arrived while its ping waited behind them', async () => {
    const { pool, wires, silent, clock } = stage();
    await pool.acquire(target);
    const wire = wires[0]!;
    wire.inFlight = 1;
    wire.answersPings = false;
    wire.onPing = () => (wire.receivedBytes += 1000);
    await clock.advance(5000);
    expect(wire.pings).toBeGreaterThan(1);
    expect([wire.closed, silent]).toEqual([false, []]);
  });

  it('does not take a pause of this process for silence', async () => {
    const { pool, wires, silent, clock } = stage();
    const pooled = await pool.acquire(target);
    const wire = wires[0]!;
    wire.inFlight = 1;
    wire.answersPings = false;
    await clock.advance(400);
    clock.stall(3000);
    await clock.advance(0); // the watch is late: what came meanwhile is looked at first
    pool.answered(pooled);
    await clock.advance(900);
    expect([wire.pings, wire.closed, silent]).toEqual([0, false, []]);
  });

  it('falls back to TCP when the unix socket cannot be reached', async () => {
    const tried: DataPlaneEndpoint[] = [];
    const { pool } = stage((endpoint) => {
      tried.push(endpoint);
      return endpoint.unixPath === '' ? Promise.resolve(new Wire()) : Promise.reject(new CacheError('WorkerUnavailable', 'no such file'));
    });
    await pool.acquire({ ...target, endpoint: { host: 'w', port: 1, unixPath: '/x.sock' } });
    expect(tried.map(({ unixPath, port }) => unixPath || port)).toEqual(['/x.sock', 1]);
  });

  it('a new instance of a worker gets new connections; the old ones close when their last request has ended', async () => {
    const { pool, wires, clock } = stage();
    await pool.acquire(target);
    wires[0]!.inFlight = 1;
    await pool.acquire({ ...target, instanceId: 'next' });
    expect(wires).toHaveLength(2);
    await clock.advance(2000);
    expect(wires[0]!.closed).toBe(false);
    wires[0]!.inFlight = 0;
    await clock.advance(2000);
    expect(wires[0]!.closed).toBe(true);
    expect(wires[1]!.closed).toBe(false);
  });

  it('leaves no timer behind when it is closed or has nothing to watch', async () => {
    const { pool, wires, clock } = stage();
    await pool.acquire(target);
    await clock.advance(200_000);
    expect(wires[0]!.closed).toBe(true);
    expect(clock.pendingTimers).toBe(0);
    await pool.acquire(target);
    pool.close();
    expect(clock.pendingTimers).toBe(0);
    expect(wires[1]!.closed).toBe(true);
  });
});
