// Properties of under file systems: defaults of the process, which a mount's own options beat. Further options pass by prefix (free-form.ts).
import { boolean, duration, integer, string } from '../property.ts';

export const ufsProperties = {
  s3Endpoint: string({ name: 'alluxio.underfs.s3.endpoint', doc: 'URL of an S3-compatible server. Unset: AWS.' }),
  s3Region: string({ name: 'alluxio.underfs.s3.endpoint.region', doc: 'Region that requests are signed for. Unset: asked from the bucket.' }),
  s3PathStyle: boolean({
    name: 'alluxio.underfs.s3.disable.dns.buckets',
    default: 'false',
    doc: 'Bucket in the path instead of the host name. Always so with an endpoint that is an IP address.',
  }),
  s3InheritAcl: boolean({ name: 'alluxio.underfs.s3.inherit.acl', default: 'true', doc: 'Accepted for compatibility: permissions of a mount are those of its credentials.' }),
  ufsCallTimeout: duration({ name: 'alluxio.underfs.call.timeout', default: '30s', min: 100, doc: 'Deadline of a UFS call, retries included.' }),
  ufsAttemptTimeout: duration({ name: 'alluxio.underfs.attempt.timeout', default: '10s', min: 50, doc: 'Time without a byte after which one attempt is given up.' }),
  ufsConnectionsMax: integer({ name: 'alluxio.underfs.connections.max', default: '128', min: 1, max: 4096, doc: 'Connections to one UFS.' }),
} as const;
