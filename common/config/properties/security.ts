// Properties about keys and sessions.
import { duration, path } from '../property.ts';

export const securityProperties = {
  dataPlaneKeyFile: path({
    name: 'alluxio.security.data.plane.key.file',
    default: '/opt/alluxio/secrets/data-plane.key',
    doc: 'File with the 32-byte key that data-plane sessions derive from; 0600. Workers, FUSE daemons and the CLI need it.',
  }),
  sealingKeyFile: path({
    name: 'alluxio.security.sealing.key.file',
    default: '/opt/alluxio/secrets/sealing.key',
    doc: 'File with the 32-byte key that secrets in the metadata store are sealed with; 0600. Workers, coordinators and FUSE daemons need it.',
  }),
  sessionLifetime: duration({
    name: 'alluxio.security.data.plane.session.lifetime',
    default: '1d',
    min: 60_000,
    doc: 'Life of a data-plane session; connections authenticate again after it.',
  }),
} as const;
