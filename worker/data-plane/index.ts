// Server end of the data plane: native where the machine has koffi and epoll, portable elsewhere.
import type { DataPlane, DataPlaneOptions } from './contracts.ts';
import { hasNativeCalls, startNativeDataPlane } from './native-server.ts';
import { startPortableDataPlane } from './portable-server.ts';

export {
  type DataPlane,
  type DataPlaneLimits,
  type DataPlaneOptions,
  type DataPlaneStats,
  DEFAULT_LIMITS,
  type PageReading,
  type PortableDataPlaneOptions,
  type SharedPageReading,
} from './contracts.ts';
export { startPortableDataPlane } from './portable-server.ts';

/**
 * Starts to listen on TCP and, unless `unixPath` is '', on a unix socket (its directory is created, a stale socket removed, mode 0660).
 * @throws AddressInUse, InvalidConfiguration
 */
export async function openDataPlane(options: DataPlaneOptions): Promise<DataPlane> {
  if (options.portable === true || !hasNativeCalls()) return await startPortableDataPlane(options);
  return await startNativeDataPlane(options);
}
