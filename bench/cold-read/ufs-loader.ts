// Child process of the cold-read bench: the UFS client alone reads all ranges of some objects, as a worker's fills do, and tells time and CPU.
import { openUfs, type UnderFileSystem, type VersionedFile } from '../../ufs/index.ts';
import type { LoadRequest, LoadResult } from './loader-contract.ts';

async function versionOf(ufs: UnderFileSystem, key: string): Promise<VersionedFile> {
  const status = await ufs.status(key);
  if (status === undefined) throw new Error(`${key} is not in the bucket`);
  return { key, version: status.version, length: status.length };
}

async function load(ufs: UnderFileSystem, files: readonly VersionedFile[], request: LoadRequest): Promise<number> {
  const ranges = files.flatMap((file) => Array.from({ length: Math.ceil(file.length / request.rangeBytes) }, (_, i) => ({ file, offset: i * request.rangeBytes })));
  let next = 0;
  const lane = async (): Promise<number> => {
    const buffer = Buffer.allocUnsafeSlow(request.rangeBytes);
    let bytes = 0;
    for (let range = ranges[next++]; range !== undefined; range = ranges[next++]) {
      const count = Math.min(request.rangeBytes, range.file.length - range.offset);
      const read = await ufs.read(range.file, range.offset, buffer.subarray(0, count));
      bytes += read;
    }
    return bytes;
  };
  const lanes = await Promise.all(Array.from({ length: request.inFlight }, lane));
  return lanes.reduce((sum, bytes) => sum + bytes, 0);
}

async function measure(request: LoadRequest): Promise<LoadResult> {
  const ufs = openUfs({ ufsUri: request.ufsUri, options: request.options });
  try {
    const files = await Promise.all(request.keys.map((key) => versionOf(ufs, key)));
    const cpu = process.cpuUsage();
    const startMs = performance.now();
    const bytes = await load(ufs, files, request);
    const seconds = (performance.now() - startMs) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return { seconds, bytes, cpuSeconds: (user + system) / 1e6 };
  } finally {
    await ufs.close();
  }
}

process.on('message', (request: LoadRequest) => {
  measure(request).then(
    (result) => process.send!(result),
    (error: Error) => process.send!({ error: error.stack ?? error.message }),
  );
});
process.on('disconnect', () => process.exit());
