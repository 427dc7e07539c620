// Settings of a client from its configuration.
import { type Configuration, Property } from '../common/config/index.ts';
import { type ClientSettings, DEFAULT_SETTINGS } from './client-settings.ts';

const MIB = 2 ** 20;

export function settingsOf(config: Configuration): ClientSettings {
  const windowBytesMax = config.get(Property.readAheadMax) * config.get(Property.readAheadPart);
  const suspectMs = config.get(Property.clientSuspectTime);
  return {
    ...DEFAULT_SETTINGS,
    connectTimeoutMs: config.get(Property.clientConnectTimeout),
    callTimeoutMs: config.get(Property.clientReadTimeout),
    attemptTimeoutMs: config.get(Property.clientWorkerReadTimeout),
    silenceMs: config.get(Property.clientSilenceTime),
    suspectMsMin: suspectMs,
    suspectMsMax: Math.max(suspectMs, DEFAULT_SETTINGS.suspectMsMax),
    connectionsPerWorkerMax: config.get(Property.clientConnectionsPerWorker),
    replicas: config.get(Property.clientReplicas),
    pagesInFlightMax: config.get(Property.clientPagesInFlight),
    readAheadEnabled: windowBytesMax > 0,
    readAheadWindowBytesMax: windowBytesMax,
    readAheadMemoryBytesMax: config.get(Property.readAheadMemory),
    ufsFallbackEnabled: config.get(Property.clientFallback),
    directBytesPerSecond: config.get(Property.clientFallbackRate) * MIB,
    directRequestsPerSecond: config.get(Property.clientFallbackRequests),
    directCacheBytesMax: config.get(Property.clientFallbackCache),
    metadataMaxAgeMs: config.get(Property.clientMetadataMaxAge),
    negativeMaxAgeMs: config.get(Property.clientNegativeMaxAge),
    statusCacheBytesMax: config.get(Property.clientStatusCacheSize),
  };
}
