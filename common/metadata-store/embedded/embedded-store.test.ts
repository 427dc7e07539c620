import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../async/index.ts';
import { metadataStoreContract, RecordingListener } from '../metadata-store.contract.ts';
import { type EmbeddedStore, openEmbeddedStore } from './embedded-store.ts';

metadataStoreContract('embedded', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'alluxio-store-'));
  const store = openEmbeddedStore({ directory });
  return {
    store,
    other: store,
    endLease: async (id) => store.revokeLease(id),
    close: async () => {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
});

describe('the embedded store', () => {
  let directory: string;
  let clock: FakeClock;
  let store: EmbeddedStore;
  const file = (): string => join(directory, 'metadata.log');
  const open = (): EmbeddedStore => (store = openEmbeddedStore({ directory, clock }));
  const put = (key: string, value: string, leaseId?: string) => store.commit({ changes: [{ type: 'put', key, value, ...(leaseId === undefined ? {} : { leaseId }) }] });
  const reopen = async (): Promise<void> => {
    await store.close();
    open();
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'alluxio-store-'));
    clock = new FakeClock();
    open();
  });
  afterEach(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('has everything after a restart, revisions included', async () => {
    await put('/a', '1');
    await put('/a', '2');
    await put('/b', 'é\n');
    await store.commit({ changes: [{ type: 'delete', key: '/b' }] });
    const before = await store.range('/');
    await reopen();
    expect(await store.range('/')).toEqual(before);
    expect(before.revision).toBe(4);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });

  it('drops a line that a crash cut short and nothing before it', async () => {
    await put('/a', '1');
    await store.close();
    const whole = readFileSync(file());
    appendFileSync(file(), whole.subarray(whole.lastIndexOf(10, whole.length - 2) + 1, whole.length - 5));
    open();
    expect((await store.get('/a')).entry?.value).toBe('1');
    await put('/b', '2');
    await reopen();
    expect((await store.range('/')).entries.map((entry) => entry.key)).toEqual(['/a', '/b']);
  });

  it('refuses a file that is damaged in the middle or of another format, with the remedy', async () => {
    await put('/a', '1');
    await put('/b', '1');
    await store.close();
    const lines = readFileSync(file(), 'utf8').split('\n');
    writeFileSync(file(), [lines[0], lines[1]!.replace('/a', '/x'), ...lines.slice(2)].join('\n'));
    expect(open).toThrow(expect.objectContaining({ code: 'InvalidConfiguration', message: expect.stringContaining('damaged at line 2') }));
    writeFileSync(file(), 'garbage\n');
    expect(open).toThrow(expect.objectContaining({ code: 'InvalidConfiguration', context: expect.objectContaining({ remedy: expect.any(String) }) }));
    rmSync(file());
    open();
  });

  it('refuses a directory that another store has open', () => {
    expect(() => openEmbeddedStore({ directory })).toThrow(expect.objectContaining({ code: 'AlreadyExists', context: expect.objectContaining({ value: directory }) }));
  });

  it('arms leases anew when it is opened again', async () => {
    const id = store.grantLease(10);
    await put('/leased', 'x', id);
    await clock.advance(9000);
    await reopen();
    await clock.advance(9000);
    expect((await store.get('/leased')).entry?.leaseId).toBe(id);
    expect(store.keepAlive(id)).toBe(10);
    await clock.advance(10_000);
    expect((await store.get('/leased')).entry).toBeUndefined();
    expect(store.keepAlive(id)).toBe(0);
  });

  it('moves a key from one lease to another with its put', async () => {
    const [first, second] = [store.grantLease(10), store.grantLease(20)];
    await put('/k', '1', first);
    await put('/k', '2', second);
    await clock.advance(15_000);
    expect((await store.get('/k')).entry?.value).toBe('2');
    await clock.advance(5000);
    expect((await store.get('/k')).entry).toBeUndefined();
  });

  it('rewrites its log when it has grown, and loses nothing by it', async () => {
    for (let i = 0; i < 30; i++) await put(`/k${i % 3}`, `${i}`.padEnd(400_000, 'x'));
    expect(statSync(file()).size).toBeLessThan(8_000_000);
    await put('/last', 'y');
    await reopen();
    expect((await store.range('/')).entries.map((entry) => [entry.key, entry.version])).toEqual([['/k0', 10], ['/k1', 10], ['/k2', 10], ['/last', 1]]); // prettier-ignore
  });

  it('resyncs a watch whose changes are forgotten, and goes on after a restart where it stopped', async () => {
    await put('/a', '1');
    const { revision } = await store.get('/a');
    await reopen();
    await reopen(); // the first one still found the change in its log
    const behind = new RecordingListener();
    store.watch(['/'], behind, { fromRevision: revision });
    const upToDate = new RecordingListener();
    store.watch(['/'], upToDate, { fromRevision: revision + 1 });
    await put('/a', '2');
    await upToDate.until(() => upToDate.events.length === 1);
    expect([behind.snapshots.length, upToDate.snapshots.length]).toEqual([1, 0]);
    expect(behind.known).toEqual({ '/a': '2' });
  });
});
