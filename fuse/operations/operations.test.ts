import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ListPage, ListPathOptions } from '../../client/index.ts';
import type { FileStatus } from '../../common/api/index.ts';
import { onAbort } from '../../common/async/index.ts';
import { CacheError } from '../../common/errors/index.ts';
import { createLogger } from '../../common/log/index.ts';
import { Errno, errnoOf } from '../errno.ts';
import { KernelRequest, Opcode } from '../protocol/index.ts';
import { GeneratedDirectory, nameOf } from '../testing/generated-directory.ts';
import type { Handler } from './call.ts';
import { Dispatcher } from './dispatcher.ts';
import { DirectoryStream } from './directory-stream.ts';
import { freshMsOf, timeoutsOf } from './freshness.ts';

const never = new AbortController().signal;

describe('errnos', () => {
  it('come from the error table, EIO when nobody knows better', () => {
    expect([
      errnoOf(new CacheError('UfsObjectChanged', 'x')),
      errnoOf(new CacheError('PathNotFound', 'x')),
      errnoOf(new CacheError('ReadOnlyMount', 'x')),
      errnoOf(new TypeError('x')),
    ]).toEqual([116, 2, 30, 5]);
  });
});

describe('time-outs', () => {
  it('are what is left of the age, unless set; immutable is for ever', () => {
    expect([freshMsOf({ ageMs: 10, maxAgeMs: 60 }), freshMsOf({ ageMs: 100, maxAgeMs: 60 }), freshMsOf({ ageMs: 1, maxAgeMs: Infinity })]).toEqual([50, 0, Infinity]);
    expect(timeoutsOf({ attrTimeoutMs: undefined, entryTimeoutMs: 7 }, 50)).toEqual({ entryTimeoutMs: 7, attributeTimeoutMs: 50 });
  });
});

describe('a directory stream', () => {
  const open = (directory: { list(path: string, options?: ListPathOptions): Promise<ListPage> }, hidden: number[] = []): DirectoryStream =>
    new DirectoryStream({ path: '/data', client: directory, onHidden: (count) => hidden.push(count) });

  it('gives each entry once, holds two pages, and finds its way back to any number', async () => {
    const directory = new GeneratedDirectory(5500);
    const stream = open(directory);
    for (let number = 0; number < 5500; number++) {
      const ready = stream.peek(number);
      const entry = ready === 'ask' ? await stream.at(number, never) : ready;
      expect(entry!.status.path).toBe(`/data/${nameOf(number)}`);
      expect(stream.held).toBeLessThanOrEqual(2000);
    }
    expect(await stream.at(5500, never)).toBeUndefined();
    expect((await stream.at(1234, never))!.status.path).toBe(`/data/${nameOf(1234)}`);
    expect(directory.pages).toBe(7);
    stream.rewind();
    expect((await stream.at(0, never))!.status.path).toBe(`/data/${nameOf(0)}`);
  });
  it('goes past empty pages that have a successor, and counts hidden names once', async () => {
    const file = (name: string): FileStatus => ({ path: `/data/${name}`, ufsUri: '', type: 'file', length: 0, mtimeMs: 0, version: 'v', fileId: '' });
    const pages: ListPage[] = [
      { entries: [], truncated: true, next: 'b', hidden: 5 },
      { entries: [], truncated: true, next: 'd', hidden: 2 },
      { entries: [file('e')], truncated: true, next: 'e', hidden: 0 },
      { entries: [], truncated: false, hidden: 1 },
    ];
    const asked: (string | undefined)[] = [];
    const hidden: number[] = [];
    const stream = open({ list: (_, options) => (asked.push(options?.startAfter), Promise.resolve(pages[asked.length - 1]!)) }, hidden);
    expect((await stream.at(0, never))?.status.path).toBe('/data/e');
    expect(await stream.at(1, never)).toBeUndefined();
    expect([asked, hidden]).toEqual([
      [undefined, 'b', 'd', 'e'],
      [5, 2, 0, 1],
    ]);
  });
  it('passes a failed listing on and goes on with the next call', async () => {
    const directory = new GeneratedDirectory(10);
    let failures = 1;
    const stream = open({ list: (path, options) => (failures-- > 0 ? Promise.reject(new CacheError('UfsUnavailable', 'away')) : directory.list(path, options)) });
    await expect(stream.at(0, never)).rejects.toMatchObject({ code: 'UfsUnavailable' });
    expect((await stream.at(3, never))?.status.path).toBe(`/data/${nameOf(3)}`);
  });
});

describe('the dispatcher', () => {
  let directory: string;
  let fuseFd: number;
  const answered: [string, number][] = [];
  const lines: string[] = [];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'alluxio-fuse-test-'));
    fuseFd = openSync(join(directory, 'replies'), 'a');
    answered.length = 0;
    lines.length = 0;
  });
  afterEach(() => {
    closeSync(fuseFd);
    rmSync(directory, { recursive: true });
  });

  const metrics = {
    concurrency: { inc: () => undefined, dec: () => undefined },
    hiddenNames: { inc: () => undefined },
    mainReadBytes: { inc: () => undefined },
    answered: (op: string, errno: number) => void answered.push([op, errno]),
    refresh: () => undefined,
  };
  function build(handlers: ConstructorParameters<typeof Dispatcher>[0]['handlers'], forgotten: number[][] = []): Dispatcher {
    const logger = createLogger({ component: 'fuse', sink: (line) => lines.push(line) });
    return new Dispatcher({ fuseFd, handlers, forget: (nodeId, lookups) => forgotten.push([nodeId, lookups]), metrics, logger });
  }
  function request(opcode: number, unique: number, body: readonly number[] = []): KernelRequest {
    const words = Uint32Array.from([0, opcode, unique, 0, 7, 0, 0, 0, 0, 0, ...body]);
    words[0] = words.byteLength;
    return KernelRequest.of(new Uint8Array(words.buffer));
  }
  /** [unique, errno] of each reply. */
  function replies(): number[][] {
    const bytes = readFileSync(join(directory, 'replies'));
    const found: number[][] = [];
    for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at)) found.push([bytes.readUInt32LE(at + 8), Math.abs(bytes.readInt32LE(at + 4))]);
    return found;
  }

  it('answers each request once, with ENOSYS for what it does not know, and logs what is no everyday failure', async () => {
    const dispatcher = build(
      new Map<number, Handler>([
        [Opcode.Open, () => 0],
        [Opcode.Lookup, () => Promise.reject(new CacheError('PathNotFound', 'no'))],
        [Opcode.Read, () => Promise.reject(new TypeError('a bug'))],
      ]),
    );
    for (const [i, opcode] of [Opcode.Open, Opcode.Lookup, Opcode.Read, Opcode.Ioctl].entries()) dispatcher.accept(request(opcode, i + 1));
    await dispatcher.idle();
    expect(replies().toSorted((a, b) => a[0]! - b[0]!)).toEqual([
      [1, 0],
      [2, Errno.ENOENT],
      [3, Errno.EIO],
      [4, Errno.ENOSYS],
    ]);
    expect(answered).toHaveLength(4);
    expect([lines.length, lines[0]]).toEqual([1, expect.stringContaining('a bug')]);
  });
  it('an interrupt ends its request with EINTR, also when it came before the request', async () => {
    const waits = new Map([
      [Opcode.Read as number, (call: { signal: AbortSignal }) => new Promise<number>((_, reject) => onAbort(call.signal, () => reject(call.signal.reason as Error)))],
    ]);
    const dispatcher = build(waits);
    dispatcher.accept(request(Opcode.Read, 10));
    dispatcher.accept(request(Opcode.Interrupt, 11, [10, 0]));
    dispatcher.accept(request(Opcode.Interrupt, 13, [12, 0]));
    dispatcher.accept(request(Opcode.Read, 12));
    await dispatcher.idle();
    expect(replies()).toEqual([
      [10, Errno.EINTR],
      [12, Errno.EINTR],
    ]);
  });
  it('takes back what a failed or unwanted reply gave away', async () => {
    let undone = 0;
    const handler = (errno: number) => (call: { onUnwanted(undo: () => void): void }) => {
      call.onUnwanted(() => undone++);
      return errno;
    };
    const good = build(new Map([[Opcode.Lookup as number, handler(0)]]));
    good.accept(request(Opcode.Lookup, 1));
    await good.idle();
    expect(undone).toBe(0);
    const bad = build(new Map([[Opcode.Lookup as number, handler(Errno.EIO)]]));
    bad.accept(request(Opcode.Lookup, 2));
    await bad.idle();
    expect(undone).toBe(1);
  });
  it('gives forgets on without a reply', async () => {
    const forgotten: number[][] = [];
    const dispatcher = build(new Map(), forgotten);
    dispatcher.accept(request(Opcode.Forget, 1, [3, 0]));
    dispatcher.accept(request(Opcode.BatchForget, 2, [2, 0, 8, 0, 1, 0, 9, 0, 2, 0]));
    await dispatcher.idle();
    expect([forgotten, replies()]).toEqual([
      [
        [7, 3],
        [8, 1],
        [9, 2],
      ],
      [],
    ]);
  });
});
