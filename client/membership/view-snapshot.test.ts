import { describe, expect, it } from '@jest/globals';
import type { MembershipView } from '../../common/api/index.ts';
import { pathHash } from '../../common/hash/ring.ts';
import { FakeCluster } from '../testing/fake-cluster.ts';
import { ScriptedUfs } from '../testing/scripted-ufs.ts';
import { compareViews, ViewSnapshot } from './view-snapshot.ts';
import { endpointText, parseEndpoint } from './worker-endpoint.ts';

const cluster = new FakeCluster({ ufs: new ScriptedUfs(), workers: 8 });
const PATHS = Array.from({ length: 500 }, (_, i) => `/data/file-${i}`);

function viewOf(revision: number, offline: readonly number[] = [], staticRing = false): MembershipView {
  const members = cluster.view.members.map((member, i) => ({ ...member, online: !offline.includes(i) }));
  return { ...cluster.view, revision, staticRing, members };
}
const owners = (snapshot: ViewSnapshot): (string | undefined)[] =>
  PATHS.map((path) => {
    const { high, low } = pathHash(path);
    return snapshot.ring.owner(high, low);
  });

describe('a view snapshot', () => {
  it('a dynamic ring has the online workers only: the keys of others stay where they are', () => {
    const before = new ViewSnapshot(viewOf(1));
    const after = new ViewSnapshot(viewOf(2, [3]), before);
    const gone = cluster.workers[3]!.record.uuid;
    for (const [i, owner] of owners(before).entries()) {
      if (owner === gone) expect(owners(after)[i]).not.toBe(gone);
      else expect(owners(after)[i]).toBe(owner);
    }
  });

  it('a static ring keeps offline workers: nobody’s keys move', () => {
    const before = new ViewSnapshot(viewOf(1, [], true));
    const after = new ViewSnapshot(viewOf(2, [1, 3], true), before);
    expect(owners(after)).toEqual(owners(before));
    expect(after.online).toHaveLength(6);
  });

  it('a ring merged from the one before equals one built anew, whatever changed', () => {
    let snapshot = new ViewSnapshot(viewOf(1));
    for (const [i, offline] of [[0], [0, 1], [1], [], [0, 1, 2, 3, 4, 5], [5], [0, 1, 2, 3, 4, 5, 6, 7], []].entries()) {
      const view = viewOf(i + 2, offline);
      snapshot = new ViewSnapshot(view, snapshot);
      expect(owners(snapshot)).toEqual(owners(new ViewSnapshot(view)));
      expect(snapshot.ring.size).toBe(8 - offline.length);
    }
  });

  it('orders generations before revisions', () => {
    expect(compareViews({ ...viewOf(1), generation: 2 }, viewOf(100))).toBeGreaterThan(0);
    expect(compareViews(viewOf(3), viewOf(2))).toBeGreaterThan(0);
    expect(compareViews(viewOf(3), viewOf(3))).toBe(0);
  });
});

describe('endpoints', () => {
  it('are host and port, also for IPv6, or a socket', () => {
    expect(parseEndpoint('worker-0.svc:29997')).toEqual({ host: 'worker-0.svc', port: 29997, unixPath: '' });
    expect(parseEndpoint('[::1]:29997')).toEqual({ host: '::1', port: 29997, unixPath: '' });
    expect(parseEndpoint('unix:/run/a b.sock')).toEqual({ host: '', port: 0, unixPath: '/run/a b.sock' });
    expect(endpointText(parseEndpoint('unix:/x'))).toBe('unix:/x');
  });

  it.each(['', 'host', 'host:', 'host:0', 'host:70000', 'http://host:1', 'unix:relative', '::1:29997'])('refuses %p and says what to write', (text) => {
    expect(() => parseEndpoint(text)).toThrow(expect.objectContaining({ code: 'InvalidConfiguration' }));
  });
});
