// Server end of the data plane. So far the portable form only.
export type { DataPlane, DataPlaneLimits, DataPlaneStats, PageReading, PortableDataPlaneOptions } from './contracts.ts';
export { startPortableDataPlane } from './portable-server.ts';
