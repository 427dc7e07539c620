// What is mounted where, from /proc/self/mountinfo: tells of a mount without touching it.
import { readFileSync } from 'node:fs';

export interface MountedFileSystem {
  readonly device: string;
  readonly mountPoint: string;
  readonly type: string;
}

const unescape = (text: string): string =>
  Buffer.from(
    text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    'latin1',
  ).toString('utf8');

export function parseMountInfo(text: string): MountedFileSystem[] {
  const mounted: MountedFileSystem[] = [];
  for (const line of text.split('\n')) {
    const [head = '', tail = ''] = line.split(' - ', 2);
    const fields = head.split(' ');
    const type = tail.split(' ')[0];
    if (fields.length < 5 || type === undefined || type === '') continue;
    mounted.push({ device: fields[2]!, mountPoint: unescape(fields[4]!), type });
  }
  return mounted;
}

/** The topmost mount exactly at the path; undefined: none. */
export const mountedAt = (mountPoint: string): MountedFileSystem | undefined =>
  parseMountInfo(readFileSync('/proc/self/mountinfo', 'latin1')).findLast((mounted) => mounted.mountPoint === mountPoint);
