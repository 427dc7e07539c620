// CPU that processes have used so far, threads and kernel work on their behalf included.
import { readFileSync } from 'node:fs';

/** Linux tells the time in hundredths of a second to user space on every architecture. */
const TICKS_PER_SECOND = 100;

/** User and system seconds of all these processes together; one that is gone counts nothing. */
export function cpuSecondsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      // After the name, which may hold spaces: state is field 3, utime 14, stime 15.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return sum + (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    } catch {
      return sum;
    }
  }, 0);
}
