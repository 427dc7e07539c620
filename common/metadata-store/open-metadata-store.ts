// The metadata store that the configuration names.
import { readFileSync } from 'node:fs';
import { type Configuration, Property, type PropertySpec } from '../config/index.ts';
import { CacheError } from '../errors/index.ts';
import { readKeyFile } from '../secrets/index.ts';
import { openEmbeddedStore } from './embedded/embedded-store.ts';
import type { EtcdStoreOptions } from './etcd/etcd-store.ts';
import type { MetadataStore, StoreObserver } from './metadata-store.ts';
import { RemoteStore } from './remote/remote-store.ts';

const ENDPOINT = /^(https?:\/\/)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}$/;

function wrong(spec: PropertySpec<never> | PropertySpec<unknown>, why: string, remedy: string): CacheError {
  return new CacheError('InvalidConfiguration', `${spec.name} ${why}.`, { source: 'caller', context: { field: spec.name, remedy } });
}

function pem(config: Configuration, spec: PropertySpec<string | undefined>): Buffer | undefined {
  const file = config.get(spec);
  if (file === undefined) return undefined;
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CacheError('InvalidConfiguration', `The file ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`, {
      source: 'caller',
      context: { field: spec.name, value: file, remedy: 'Check the path and its permissions.' },
      cause: error,
    });
  }
}

function tlsOf(config: Configuration, isSecure: boolean): EtcdStoreOptions['tls'] {
  const [ca, cert, key] = [pem(config, Property.etcdTlsCaPath), pem(config, Property.etcdTlsCertPath), pem(config, Property.etcdTlsKeyPath)];
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  if (!isSecure) throw wrong(Property.etcdEndpoints, 'are plain although TLS files are set', 'Write https:// before each endpoint.');
  if (ca === undefined) throw wrong(Property.etcdTlsCaPath, 'is not set although a client certificate is', 'Name the authority’s PEM file.');
  if ((cert === undefined) !== (key === undefined))
    throw wrong(Property.etcdTlsCertPath, 'and the client key belong together', `Set both, or neither, of it and ${Property.etcdTlsKeyPath.name}.`);
  return { ca, ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) };
}

function etcdOptions(config: Configuration): EtcdStoreOptions {
  const endpoints = config.get(Property.etcdEndpoints);
  if (endpoints.length === 0) {
    const remedy = `Write http://host:2379 for each member, or set ${Property.metadataStoreType.name}.`;
    throw wrong(Property.etcdEndpoints, 'is not set', remedy);
  }
  for (const endpoint of endpoints) {
    if (!ENDPOINT.test(endpoint)) throw wrong(Property.etcdEndpoints, `holds '${endpoint}', which is no endpoint`, 'Write http://host:2379 for each member.');
  }
  const secure = endpoints.filter((endpoint) => endpoint.startsWith('https:')).length;
  if (secure > 0 && secure < endpoints.length) throw wrong(Property.etcdEndpoints, 'mixes http and https', 'Use one of them for all members.');
  const [username, password, tls] = [config.get(Property.etcdUsername), config.get(Property.etcdPassword), tlsOf(config, secure > 0)];
  return {
    endpoints,
    callTimeoutMs: config.get(Property.metadataStoreCallTimeout),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
  };
}

function remoteStore(config: Configuration, observer: StoreObserver): RemoteStore {
  const address = config.get(Property.metadataStoreAddress);
  if (address === undefined || !ENDPOINT.test(address) || address.includes('://')) {
    throw wrong(Property.metadataStoreAddress, address === undefined ? 'is not set' : `is '${address}', which is no address`, 'Write host:port of the coordinator’s gRPC door.');
  }
  const dataPlaneKey = readKeyFile(config.get(Property.dataPlaneKeyFile));
  return new RemoteStore({ address, dataPlaneKey, callTimeoutMs: config.get(Property.metadataStoreCallTimeout), observer });
}

/** Opens files, sends nothing yet: that the store is away shows in its calls. @throws InvalidConfiguration; AlreadyExists when another process has the embedded one */
export type OpenMetadataStore = (config: Configuration, observer?: StoreObserver) => MetadataStore;

/** How to open what the configuration names. The etcd client is loaded only for etcd: it costs a start 0.4 s of CPU. */
export async function metadataStoreOpener(configured: Configuration): Promise<OpenMetadataStore> {
  const type = configured.get(Property.metadataStoreType);
  if (type === 'EMBEDDED') return (config) => openEmbeddedStore({ directory: config.get(Property.metadataStorePath) });
  if (type === 'REMOTE') return (config, observer = {}) => remoteStore(config, observer);
  const { EtcdStore } = await import('./etcd/etcd-store.ts');
  return (config, observer = {}) => new EtcdStore({ ...etcdOptions(config), observer });
}
