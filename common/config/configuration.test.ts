import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VNODES_MAX } from '../hash/ring.ts';
import type { CacheError } from '../errors/index.ts';
import { formatBytes, formatDurationMs, loadConfiguration, nearestName, parseBytes, parseDurationMs, Property } from './index.ts';
import { VNODES_PER_WORKER_MAX } from './properties/limits.ts';
import { parseSiteFile } from './site-file.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'alluxio-config-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const site = (text: string): string => {
  const file = join(directory, 'alluxio-site.properties');
  writeFileSync(file, text);
  return file;
};
const failure = (sources: Parameters<typeof loadConfiguration>[0]): CacheError => {
  try {
    loadConfiguration(sources);
  } catch (error) {
    return error as CacheError;
  }
  throw new Error('nothing was refused');
};

describe('sources', () => {
  it('the command line beats the environment, which beats the site file, which beats the default', () => {
    const file = site('alluxio.worker.page.store.page.size=1MB\nalluxio.cluster.name=site\nalluxio.worker.hostname=site');
    const config = loadConfiguration({
      siteFiles: [file],
      env: { ALLUXIO_CLUSTER_NAME: 'env', ALLUXIO_WORKER_HOSTNAME: 'env', PATH: '/bin' },
      overrides: ['alluxio.worker.hostname=first', 'alluxio.worker.hostname=last'],
    });
    expect(config.get(Property.workerPageSize)).toBe(2 ** 20);
    expect(config.get(Property.clusterName)).toBe('env');
    expect(config.get(Property.workerHostname)).toBe('last');
    expect(config.get(Property.workerRpcPort)).toBe(29999);
    expect(['workerPageSize', 'clusterName', 'workerHostname', 'workerRpcPort'].map((key) => config.entry(Property[key as 'clusterName'].name)?.source)).toEqual([
      `${file}:1`,
      'environment ALLUXIO_CLUSTER_NAME',
      'command line',
      'default',
    ]);
  });

  it('site files are Java properties: comments, continuations, escapes, both separators', () => {
    const lines = parseSiteFile('\ufeff# comment\r\n! comment\n\n  a.b = 1 \\\n   ,2\nc\\:d: x\\ty\\u00e9\ne\\=f\tg\nlonely\nlast=a\\\\\nend=1');
    expect(lines).toEqual([
      { name: 'a.b', value: '1 ,2', line: 4 },
      { name: 'c:d', value: 'x\tyé', line: 6 },
      { name: 'e=f', value: 'g', line: 7 },
      { name: 'lonely', value: '', line: 8 },
      { name: 'last', value: 'a\\', line: 9 },
      { name: 'end', value: '1', line: 10 },
    ]);
  });

  it('addresses that Kubernetes announces for services set nothing', () => {
    const config = loadConfiguration({ env: { ALLUXIO_WORKER_RPC_PORT: 'tcp://10.0.0.1:29999', ALLUXIO_X_SERVICE_HOST: '10.0.0.1', ALLUXIO_X_PORT_1_TCP: 'tcp://10.0.0.1:1' } });
    expect(config.get(Property.workerRpcPort)).toBe(29999);
    expect(config.warnings).toEqual([]);
  });

  it('a misspelt variable is told, since the environment also holds what others put there', () => {
    expect(loadConfiguration({ env: { ALLUXIO_CLUSTER_NAMES: 'x' } }).warnings).toEqual([
      'The environment variable ALLUXIO_CLUSTER_NAMES names no property; did you mean ALLUXIO_CLUSTER_NAME?',
    ]);
  });
});

describe('problems', () => {
  it('all are told at once, each with property, value, file, line and the nearest known name', () => {
    const file = site(
      'alluxio.worker.page.store.page.sise=4MB\nalluxio.worker.page.store.page.size=3MB\n\nalluxio.worker.rpc.port=70000\n=x\nalluxio.worker.membership.lease.ttl=soon',
    );
    const error = failure({ siteFiles: [file], overrides: ['alluxio.quota.enabled=true', 'nonsense'] });
    expect(error.code).toBe('InvalidConfiguration');
    expect(error.context['problems']).toBe(7);
    for (const text of [
      `alluxio.worker.page.store.page.sise = 4MB (${file}:1) is not a known property; did you mean alluxio.worker.page.store.page.size?`,
      `alluxio.worker.page.store.page.size = 3MB (${file}:2) must be a power of two`,
      `alluxio.worker.rpc.port = 70000 (${file}:4) must be between 0 and 65535`,
      `=x (${file}:5) is not a property`,
      `alluxio.worker.membership.lease.ttl = soon (${file}:6) must be a duration such as`,
      'alluxio.quota.enabled = true (command line) cannot be set: this build does not have quotas yet',
      'nonsense (command line) must be written -Dname=value',
    ]) {
      expect(error.message).toContain(text);
    }
  });

  it('a value out of range is told with the range', () => {
    expect(failure({ overrides: { 'alluxio.worker.page.store.page.size': '128MB' } }).message).toContain('must be between 64KiB and 64MiB');
    expect(failure({ overrides: { 'alluxio.worker.page.store.page.size': '4 potatoes' } }).message).toContain('must be a size such as 4MB');
    expect(failure({ overrides: { 'alluxio.worker.page.store.sizes': '1GB,x' } }).message).toContain("'x' is none");
    expect(failure({ overrides: { 'alluxio.worker.page.store.evictor.type': 'RANDOM' } }).message).toContain('must be LRU');
    expect(failure({ overrides: { 'alluxio.dora.client.ufs.fallback.enabled': 'yes' } }).message).toContain('must be true or false');
  });

  it('secrets are never shown, neither in problems nor in conf get', () => {
    expect(failure({ overrides: { 'alluxio.etcd.pasword': 'hunter2' } }).message).not.toContain('hunter2');
    const config = loadConfiguration({ overrides: { 'alluxio.etcd.password': 'hunter2', 's3a.secretKey': 'hunter2', 's3a.accessKeyId': 'hunter2' } });
    expect(JSON.stringify(config.entries())).not.toContain('hunter2');
    expect(config.ufsOptions()['s3a.secretKey']).toBe('hunter2');
  });

  it('an unreadable site file is named', () => {
    expect(failure({ siteFiles: [join(directory, 'missing.properties')] }).message).toContain('missing.properties cannot be read');
  });
});

describe('values', () => {
  it('options of under file systems pass by prefix', () => {
    const config = loadConfiguration({ overrides: { 's3a.accessKeyId': 'a', 'alluxio.underfs.s3.endpoint': 'http://x', 'alluxio.underfs.anything': '1' } });
    expect(config.ufsOptions()).toEqual({ 's3a.accessKeyId': 'a', 'alluxio.underfs.s3.endpoint': 'http://x', 'alluxio.underfs.anything': '1' });
  });
  it.each([
    ['4MB', 2 ** 22],
    ['4MiB', 2 ** 22],
    ['4 mib', 2 ** 22],
    ['512', 512],
    ['1.5g', 1.5 * 2 ** 30],
    ['-1MB', undefined],
    ['1.5', undefined],
    ['MB', undefined],
  ])('%j is %s bytes', (text, bytes) => expect(parseBytes(text)).toBe(bytes));
  it.each([
    ['10s', 10_000],
    ['250', 250],
    ['1 min', 60_000],
    ['2days', 172_800_000],
    ['1.5h', 5_400_000],
    ['never', Infinity],
    ['10 fortnights', undefined],
  ])('%j is %s ms', (text, ms) => expect(parseDurationMs(text)).toBe(ms));
  it('texts of quantities read back as the same quantity', () => {
    for (const bytes of [0, 1, 1023, 1024, 3 * 2 ** 20, 2 ** 40 + 1]) expect(parseBytes(formatBytes(bytes))).toBe(bytes);
    for (const ms of [0, 1, 999, 1000, 90_000, 86_400_000, Infinity]) expect(parseDurationMs(formatDurationMs(ms))).toBe(ms);
  });
  it('never is allowed where the range is open', () => {
    expect(loadConfiguration({ overrides: { 'alluxio.user.metadata.max.age': 'never' } }).get(Property.clientMetadataMaxAge)).toBe(Infinity);
  });
  it('no two properties share a name, and the vnode limit is the one of the ring', () => {
    const names = Object.values(Property).map((spec) => spec.name);
    expect(new Set(names).size).toBe(names.length);
    expect(VNODES_PER_WORKER_MAX).toBe(VNODES_MAX);
  });
  it('suggests nothing for a name that is near nothing', () => expect(nearestName('zzz', ['alluxio.cluster.name'])).toBeUndefined());
});
