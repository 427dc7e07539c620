// Configuration: `loadConfiguration` once in main.ts, `config.get(Property.x)` everywhere else.
import type { Configuration } from './configuration.ts';
import { type ConfigurationSources, loadSettings } from './load.ts';
import { clientProperties } from './properties/client.ts';
import { clusterProperties } from './properties/cluster.ts';
import { coordinatorProperties } from './properties/coordinator.ts';
import { fuseProperties } from './properties/fuse.ts';
import { securityProperties } from './properties/security.ts';
import { ufsProperties } from './properties/ufs.ts';
import { workerProperties } from './properties/worker.ts';
import type { PropertySpec } from './property.ts';

export { Configuration, describeSource, type ConfigurationEntry, type ValueSource } from './configuration.ts';
export { FREE_FORM_PREFIXES, looksSecret } from './free-form.ts';
export { environmentName, type ConfigurationSources } from './load.ts';
export { nearestName } from './nearest-name.ts';
export type { PropertySpec, PropertyType } from './property.ts';
export { SITE_FILE, siteFilesOf } from './site-file.ts';
export { formatBytes, formatDurationMs, parseBytes, parseDurationMs } from './quantity.ts';

/** Specs by component, as the reference page groups them. */
export const PROPERTY_GROUPS = {
  cluster: clusterProperties,
  coordinator: coordinatorProperties,
  worker: workerProperties,
  client: clientProperties,
  fuse: fuseProperties,
  'under file systems': ufsProperties,
  security: securityProperties,
} as const satisfies Record<string, Readonly<Record<string, PropertySpec<never> | PropertySpec<unknown>>>>;

/** Every known property. */
export const Property = {
  ...clusterProperties,
  ...coordinatorProperties,
  ...workerProperties,
  ...clientProperties,
  ...fuseProperties,
  ...ufsProperties,
  ...securityProperties,
} as const;

const SPECS = Object.values(Property) as unknown as readonly PropertySpec<unknown>[];

/** @throws InvalidConfiguration naming every problem at once */
export const loadConfiguration = (sources: ConfigurationSources): Configuration => loadSettings(SPECS, sources);
