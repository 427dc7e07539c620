// Properties of the FUSE daemon.
import { boolean, bytes, duration, integer, list, oneOf, path, port, string } from '../property.ts';

export const fuseProperties = {
  fuseMountPoint: path({ name: 'alluxio.fuse.mount.point', default: '/mnt/alluxio/fuse', doc: 'Directory that shows the namespace.' }),
  fuseMountOptions: list({ name: 'alluxio.fuse.mount.options', doc: 'Mount options such as `allow_other`, `attr_timeout=60`, `entry_timeout=60`.' }),
  fuseRpcPort: port({ name: 'alluxio.fuse.rpc.port', default: '49998', doc: 'Accepted for compatibility: the daemon has no gRPC service.' }),
  fuseWebPort: port({ name: 'alluxio.fuse.web.port', default: '49999', doc: 'HTTP port of metrics and health. 0 takes a free one.' }),
  fuseBindHost: string({ name: 'alluxio.fuse.bind.host', default: '0.0.0.0', doc: 'Address the daemon’s ports listen on.' }),
  fuseThreads: integer({ name: 'alluxio.fuse.threads', default: '4', min: 1, max: 64, doc: 'Threads that read requests from the kernel.' }),
  fuseMaxReadAhead: bytes({ name: 'alluxio.fuse.read.ahead.size', default: '1MB', min: 0, max: 16 * 1024 * 1024, doc: 'Kernel read-ahead of the mount (bdi).' }),
  fuseAttrTimeout: duration({ name: 'alluxio.fuse.attr.timeout', doc: 'How long the kernel may keep attributes. Unset: as long as the freshness rules allow.', min: 0 }),
  fuseEntryTimeout: duration({ name: 'alluxio.fuse.entry.timeout', doc: 'How long the kernel may keep names. Unset: as long as the freshness rules allow.', min: 0 }),
  fuseInodesMax: integer({ name: 'alluxio.fuse.inodes.max', default: '1000000', min: 1000, doc: 'Inodes the daemon keeps before it asks the kernel to forget.' }),
  fuseUid: integer({ name: 'alluxio.fuse.uid', default: '0', min: 0, doc: 'Owner shown for all files.' }),
  fuseGid: integer({ name: 'alluxio.fuse.gid', default: '0', min: 0, doc: 'Group shown for all files.' }),
  fuseMountMethod: oneOf(['auto', 'direct', 'fusermount'], { name: 'alluxio.fuse.mount.method', default: 'auto', doc: 'mount(2) as root, or fusermount3 without.' }),
  fuseHandOver: boolean({
    name: 'alluxio.fuse.local.descriptors.enabled',
    default: 'true',
    doc: 'Read complete local files through descriptors that the co-located worker hands over.',
  }),
} as const;
