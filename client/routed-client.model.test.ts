import { describe, expect, it } from '@jest/globals';
import { Op } from '../proto/frames/layout.ts';
import type { FileHandle } from './cache-client.ts';
import { FakeCluster } from './testing/fake-cluster.ts';
import { ScriptedUfs } from './testing/scripted-ufs.ts';

const PAGE = 64 * 1024;
const seed = Number(process.env.SEED ?? 20_261_124);

function generator(from: number): (below: number) => number {
  let state = from >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

interface Model {
  readonly files: Map<string, Buffer>;
  readonly cluster: FakeCluster;
}

function build(random: (below: number) => number): Model {
  const ufs = new ScriptedUfs();
  const files = new Map<string, Buffer>();
  for (const [i, length] of [0, 1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE, 40 * PAGE + 17].entries()) {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; at++) bytes[at] = random(256);
    files.set(`/data/f${i}`, bytes);
    ufs.put(`f${i}`, bytes);
  }
  return { files, cluster: new FakeCluster({ ufs, pageSizeBytes: PAGE, workers: 4 }) };
}

/** Enough to prove that faults met reads. On a busy machine most workers are suspect most of the time, and few reads meet one that fails. */
const FALLBACKS_MIN = 15;

describe(`random reads with workers dying, hanging and returning (SEED=${seed})`, () => {
  it('return no wrong byte and no error, in bounded memory', async () => {
    const random = generator(seed);
    const { files, cluster } = build(random);
    const bufferedMax = 2 * 2 ** 20;
    const settings = {
      silenceMs: 20,
      suspectMsMin: 5,
      suspectMsMax: 50,
      readAheadMemoryBytesMax: bufferedMax / 2,
      directCacheBytesMax: bufferedMax / 2,
      readAheadWindowBytesMax: 8 * PAGE,
    };
    const client = await cluster.open({ settings });
    for (const worker of cluster.workers) worker.before = (op) => (op === Op.Read ? new Promise((resolve) => setTimeout(resolve, random(3))) : undefined);
    const names = [...files.keys()];
    let reads = 0;
    let inOutage = 0;
    let peakBytes = 0;

    const readOnce = async (handle: FileHandle, offset: number, length: number): Promise<void> => {
      const expected = files.get(handle.status.path)!.subarray(offset, offset + length);
      const into = Buffer.alloc(length, 0xee);
      if (cluster.workers.some((worker) => worker.state !== 'alive')) inOutage++;
      const got = await handle.read(offset, into);
      reads++;
      peakBytes = Math.max(peakBytes, client.counters.bufferedBytes);
      const isSame = got === expected.length && Buffer.compare(into.subarray(0, got), expected) === 0;
      if (!isSame) throw new Error(`SEED=${seed}: wrong bytes of ${handle.status.path} at ${offset}+${length}: ${got}`);
    };
    const reader = async (): Promise<void> => {
      for (let round = 0; round < 12 || (client.counters.fallbacks < FALLBACKS_MIN && round < 500); round++) {
        const handle = await client.openFile(names[random(names.length)]!);
        const isSequential = random(2) === 0;
        let at = 0;
        for (let i = 0; i < 25; i++) {
          const length = 1 + random(random(4) === 0 ? 5 * PAGE : 20_000);
          if (!isSequential) at = random(Math.max(1, handle.status.length));
          await readOnce(handle, at, length);
          at = isSequential ? at + length : 0;
        }
        handle.close();
      }
    };
    let isOver = false;
    const chaos = async (): Promise<void> => {
      while (!isOver) {
        // Those in use are hit: a kill that nobody notices proves nothing.
        const inUse = cluster.workers.filter((candidate) => candidate.readsInFlight > 0);
        const worker = inUse[random(inUse.length)] ?? cluster.workers[random(cluster.workers.length)]!;
        const fate = random(10);
        const down = cluster.workers.filter((candidate) => candidate.state !== 'alive');
        if (down.length > random(cluster.workers.length + 1)) {
          const returning = down[random(down.length)]!;
          returning.kill();
          returning.state = 'alive';
        } else if (fate < 6) worker.kill();
        else if (fate < 8) worker.state = 'hung';
        else for (const connection of worker.connections) connection.break();
        if (fate === 9) cluster.publish({ offline: cluster.workers.filter((w) => w.state === 'dead').map((w) => w.record.uuid) });
        await new Promise((resolve) => setTimeout(resolve, 1 + random(8)));
      }
    };
    const storm = chaos();
    try {
      await Promise.all(Array.from({ length: 8 }, reader));
    } finally {
      isOver = true;
      await storm;
      await client.close();
    }
    expect(reads).toBeGreaterThanOrEqual(8 * 12 * 25);
    expect(inOutage).toBeGreaterThan(500);
    expect(client.counters.fallbacks).toBeGreaterThanOrEqual(FALLBACKS_MIN);
    expect(peakBytes).toBeLessThanOrEqual(bufferedMax);
    expect(client.counters.bufferedBytes).toBe(0);
  }, 90_000);
});
