// FUSE reads: our daemon with a worker on the same host against a C libfuse3 daemon on local page files, and with a worker over TCP against our own co-located figures.
// Rounds alternate between the three, so that drift of the machine cancels.
import { Cleanup } from './cleanup.ts';
import { LOADS } from './fuse-read/loads.ts';
import { requirePackages, Stage, type Subject } from './fuse-read/stage.ts';
import { type BenchRow, comparedRow } from './row.ts';

const ROUNDS = 7;

export async function* run(): AsyncGenerator<BenchRow> {
  requirePackages();
  const cleanup = new Cleanup();
  try {
    const subjects = await new Stage(cleanup).build();
    for (const load of LOADS) {
      const measured: Record<Subject['name'], number[]> = { ceiling: [], local: [], remote: [] };
      const wanted = subjects.filter(({ name }) => name !== 'remote' || load.remoteGoal !== undefined);
      // One pass each that does not count.
      for (const subject of wanted) await load.run(subject);
      for (let round = 0; round < ROUNDS; round++) {
        for (const subject of round % 2 === 0 ? wanted : wanted.toReversed()) measured[subject.name].push(await load.run(subject));
      }
      yield comparedRow(`co-located: ${load.name}`, load.unit, { ours: measured.local, theirs: measured.ceiling }, `goal ${load.goal}x C libfuse3, ${ROUNDS} rounds`);
      if (load.remoteGoal === undefined) continue;
      yield comparedRow(`over TCP: ${load.name}`, load.unit, { ours: measured.remote, theirs: measured.local }, `goal ${load.remoteGoal}x co-located, ${ROUNDS} rounds`);
    }
  } finally {
    await cleanup.close();
  }
}
