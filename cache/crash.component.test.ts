// A process that fills is killed with -9, again and again, on the same directory. ALLUXIO_TEST_SOAK=1 repeats it 50 times.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openingError, PAGE_BYTES, readPage, realBytes, StoreFixture } from './testing/store-fixture.ts';
import type { PageStore, PageStoreOptions } from './contracts.ts';
import { contentOf, knownFile } from './testing/known-content.ts';

const ROUNDS = process.env['ALLUXIO_TEST_SOAK'] === undefined ? 4 : 50;
const FILE_BYTES = 4 * PAGE_BYTES - 100;
const CAPACITY_BYTES = 4 * 1024 * 1024;

let fixture: StoreFixture;
let child: ChildProcess | undefined;
beforeEach(() => {
  fixture = new StoreFixture();
});
afterEach(async () => {
  if (child !== undefined) await kill(child);
  await fixture.end();
});

async function kill(process: ChildProcess): Promise<void> {
  if (process.exitCode === null && process.signalCode === null) {
    process.kill('SIGKILL');
    await once(process, 'exit');
  }
}

interface Line {
  readonly ready?: true;
  readonly flushed?: readonly string[];
}

function startFilling(options: PageStoreOptions, task: { readonly files: number; readonly seed: number }): Interface {
  const argument = JSON.stringify({ options, fileBytes: FILE_BYTES, ...task });
  child = spawn(process.execPath, [fileURLToPath(new URL('./testing/filling-process.ts', import.meta.url)), argument], { stdio: ['ignore', 'pipe', 'inherit'] });
  return createInterface({ input: child.stdout! });
}

/** Fills in a child until it has flushed so many times, kills it. @returns the pages it had flushed */
async function fillAndKill(options: PageStoreOptions, task: { readonly files: number; readonly seed: number; readonly flushes: number }): Promise<Set<string>> {
  const flushed = new Set<string>();
  let flushes = 0;
  for await (const text of startFilling(options, task)) {
    const line = JSON.parse(text) as Line;
    if (line.flushed === undefined) continue;
    for (const page of line.flushed) flushed.add(page);
    if (++flushes >= task.flushes) break;
  }
  await kill(child!);
  return flushed;
}

/** Verifies every page that the index knows. @returns "file page" of each, all of them right */
async function verifiedPages(store: PageStore, files: number): Promise<Set<string>> {
  const pages = new Set<string>();
  for (let number = 0; number < files; number++) {
    const file = knownFile(`f${number}`, FILE_BYTES);
    const slot = store.findFile(file.fileId);
    for (let page = 0; slot !== undefined && page < 4; page++) {
      if (!store.isResident(slot, page)) continue;
      expect(await store.verify(slot, page)).toBe(true);
      const want = contentOf(file.fileId, page * PAGE_BYTES, Math.min(PAGE_BYTES, FILE_BYTES - page * PAGE_BYTES));
      expect(readPage(store, slot, page, want.length)?.equals(want)).toBe(true);
      pages.add(`${number} ${page}`);
    }
  }
  return pages;
}

describe('a page store whose process is killed while it fills', () => {
  it(`under eviction, ${ROUNDS} times: every page that survives is right, none is counted corrupt, and the capacity holds`, async () => {
    const path = join(fixture.root, 'pages');
    const options = fixture.options({ directories: [{ path, capacityBytes: CAPACITY_BYTES }] });
    const { onEvent: _, ...plain } = options;
    for (let round = 0; round < ROUNDS; round++) {
      await fillAndKill(plain, { files: 40, seed: 7919 * (round + 1), flushes: 6 + ((round * 13) % 29) });
      const store = await fixture.open(options);
      expect((await verifiedPages(store, 40)).size).toBeGreaterThan(0);
      expect(fixture.count('corrupt')).toBe(0);
      expect(realBytes(path)).toBeLessThanOrEqual(CAPACITY_BYTES);
      await store.close();
    }
  }, 300_000);

  it('keeps every page that was flushed before the kill', async () => {
    const options = fixture.options({ directories: [{ path: join(fixture.root, 'pages'), capacityBytes: 256 * 1024 * 1024 }] });
    const { onEvent: _, ...plain } = options;
    const flushed = await fillAndKill(plain, { files: 400, seed: 1, flushes: 12 });
    const store = await fixture.open(options);
    const found = await verifiedPages(store, 400);
    expect([...flushed].filter((page) => !found.has(page))).toEqual([]);
  }, 60_000);

  it('refuses the directory while the process lives, and opens it once it is dead', async () => {
    const options = fixture.options();
    const { onEvent: _, ...plain } = options;
    await once(startFilling(plain, { files: 4, seed: 1 }), 'line');
    expect(await openingError(fixture, options)).toMatchObject({ code: 'InvalidConfiguration', message: expect.stringContaining('in use by another process') });
    await kill(child!);
    await fixture.open(options);
  }, 60_000);
});
