import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Etcd, startEtcd } from './index.ts';

const b64 = (text: string): string => Buffer.from(text).toString('base64');

describe('etcd', () => {
  let etcd: Etcd;
  const call = async (path: string, body: unknown): Promise<{ kvs?: { value: string }[] }> => {
    const answer = await fetch(`http://${etcd.endpoint}/v3/kv/${path}`, { method: 'POST', body: JSON.stringify(body) });
    return (await answer.json()) as { kvs?: { value: string }[] };
  };
  beforeAll(async () => {
    etcd = await startEtcd();
  }, 300_000);
  afterAll(() => etcd?.close());

  it('serves on the same port and data after it was stopped and started', async () => {
    await call('put', { key: b64('k'), value: b64('v') });
    const { endpoint, pid } = etcd;
    await etcd.stop();
    await expect(call('range', { key: b64('k') })).rejects.toThrow();
    await etcd.start();
    expect((await call('range', { key: b64('k') })).kvs?.[0]?.value).toBe(b64('v'));
    expect([etcd.endpoint, etcd.pid === pid]).toEqual([endpoint, false]);
  }, 60_000);
});
