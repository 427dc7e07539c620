import { describe, expect, it } from '@jest/globals';
import { loadConfiguration } from '../common/config/index.ts';
import { DEFAULT_SETTINGS } from './client-settings.ts';
import { settingsOf } from './configured-settings.ts';

const configured = (overrides: Readonly<Record<string, string>>): ReturnType<typeof settingsOf> => settingsOf(loadConfiguration({ siteFiles: [], overrides, env: {} }));

describe('settings', () => {
  it('have the documented defaults without a configuration', () => {
    const settings = configured({});
    for (const name of [
      'connectTimeoutMs',
      'readAheadWindowBytesMax',
      'readAheadMemoryBytesMax',
      'metadataMaxAgeMs',
      'negativeMaxAgeMs',
      'silenceMs',
      'directCacheBytesMax',
    ] as const) {
      expect({ [name]: settings[name] }).toEqual({ [name]: DEFAULT_SETTINGS[name] });
    }
  });

  it('follow the properties', () => {
    const settings = configured({
      'alluxio.user.metadata.max.age': 'never',
      'alluxio.user.position.reader.streaming.async.prefetch.max.part.number': '0',
      'alluxio.dora.client.ufs.fallback.enabled': 'false',
      'alluxio.user.ufs.fallback.rate.limit.mb': '10',
    });
    expect(settings).toMatchObject({ metadataMaxAgeMs: Infinity, readAheadEnabled: false, ufsFallbackEnabled: false, directBytesPerSecond: 10 * 2 ** 20 });
  });
});
