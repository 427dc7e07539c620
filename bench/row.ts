// A figure and how it came about: rows, medians, paired ratios. Owns no measuring loop: each bench knows its own.

export interface BenchRow {
  /** What is measured, as in docs/benchmarks.md. */
  readonly name: string;
  /** Median over the rounds. */
  readonly value: number;
  readonly unit: string;
  /** Same figure of the thing compared with, or the goal; null when there is none. */
  readonly baseline: number | null;
  /** value / baseline by paired rounds; null without a baseline. */
  readonly ratio: number | null;
  /** 95 % interval of the ratio. */
  readonly interval?: readonly [number, number];
  /** What the reader must know: the goal, a limit, the number of rounds. */
  readonly note?: string;
}

export interface Bench {
  run(): AsyncIterable<BenchRow> | Promise<readonly BenchRow[]>;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export interface PairedRatio {
  readonly ratio: number;
  /** 95 %, by bootstrap over the pairs. */
  readonly interval: readonly [number, number];
}

const RESAMPLES = 2000;

/** Median of ours/theirs over pairs measured right after each other, so that drift of the machine cancels. Deterministic. */
export function pairedRatio(ours: readonly number[], theirs: readonly number[]): PairedRatio {
  const ratios = ours.map((value, i) => value / theirs[i]!);
  let state = 0x9e3779b9;
  const random = (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  const medians = Float64Array.from({ length: RESAMPLES }, () => median(ratios.map(() => ratios[random(ratios.length)]!))).toSorted();
  return { ratio: median(ratios), interval: [medians[Math.floor(RESAMPLES * 0.025)]!, medians[Math.floor(RESAMPLES * 0.975)]!] };
}

/** Row of a figure against one measured in the same rounds. */
export function comparedRow(name: string, unit: string, rounds: { readonly ours: readonly number[]; readonly theirs: readonly number[] }, note?: string): BenchRow {
  const { ratio, interval } = pairedRatio(rounds.ours, rounds.theirs);
  return { name, value: median(rounds.ours), unit, baseline: median(rounds.theirs), ratio, interval, ...(note === undefined ? {} : { note }) };
}

/** Row of a figure against a fixed goal. */
export function goalRow(name: string, unit: string, rounds: readonly number[], goal: { readonly value: number; readonly note: string }): BenchRow {
  const value = median(rounds);
  return { name, value, unit, baseline: goal.value, ratio: value / goal.value, note: goal.note };
}
