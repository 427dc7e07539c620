// Properties of the coordinator.
import { port, string } from '../property.ts';

export const coordinatorProperties = {
  coordinatorHostname: string({ name: 'alluxio.coordinator.hostname', doc: 'Address that others reach the coordinator by. Unset: the host name.' }),
  coordinatorBindHost: string({ name: 'alluxio.coordinator.bind.host', default: '0.0.0.0', doc: 'Address the coordinator listens on.' }),
  coordinatorRpcPort: port({ name: 'alluxio.coordinator.rpc.port', default: '19998', doc: 'gRPC port. 0 takes a free one.' }),
  coordinatorWebPort: port({ name: 'alluxio.coordinator.web.port', default: '19999', doc: 'HTTP port: REST API, metrics, health. 0 takes a free one.' }),
} as const;
