// Names of one directory in byte order, without one object per name: sorted runs of packed bytes, merged as they are read. A directory of 1,000,000
// names of 20 bytes takes 24 MB and is sorted in slices of a few milliseconds. Names are strings of one character per byte ('latin1'), whose order is
// the order of the bytes.

const RUN_NAMES = 8192;

interface Run {
  readonly bytes: Buffer;
  /** Where each name begins, and at the end where the last one ends. */
  readonly offsets: Uint32Array;
}

function pack(names: string[]): Run {
  names.sort();
  const offsets = new Uint32Array(names.length + 1);
  let end = 0;
  for (let i = 0; i < names.length; i++) offsets[i + 1] = end += names[i]!.length;
  const bytes = Buffer.allocUnsafeSlow(end);
  for (let i = 0; i < names.length; i++) bytes.write(names[i]!, offsets[i]!, 'latin1');
  return { bytes, offsets };
}

const lengthOf = (run: Run): number => run.offsets.length - 1;
const nameAt = (run: Run, index: number): string => run.bytes.toString('latin1', run.offsets[index], run.offsets[index + 1]);

/** Index of the first name that is not below `from`. */
function lowerBound(run: Run, from: string): number {
  let [low, high] = [0, lengthOf(run)];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (nameAt(run, middle) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface Cursor {
  readonly run: Run;
  index: number;
  name: string;
}

/** Restores the heap order below the root after its cursor has moved. */
function siftDown(heap: Cursor[], at: number): void {
  const moved = heap[at]!;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1]!.name < heap[child]!.name) child++;
    if (heap[child]!.name >= moved.name) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = moved;
}

export class SortedNames {
  readonly count: number;
  /** Of the packed form. */
  readonly sizeBytes: number;
  readonly #runs: readonly Run[];

  constructor(runs: readonly Run[]) {
    this.#runs = runs;
    this.count = runs.reduce((sum, run) => sum + lengthOf(run), 0);
    this.sizeBytes = runs.reduce((sum, run) => sum + run.bytes.length + run.offsets.byteLength, 0);
  }

  /** Names from `from` on, inclusive, in byte order. */
  *from(from: string): Generator<string, void> {
    const heap: Cursor[] = [];
    for (const run of this.#runs) {
      const index = lowerBound(run, from);
      if (index < lengthOf(run)) heap.push({ run, index, name: nameAt(run, index) });
    }
    for (let at = (heap.length >> 1) - 1; at >= 0; at--) siftDown(heap, at);
    while (heap.length > 0) {
      const top = heap[0]!;
      yield top.name;
      if (++top.index < lengthOf(top.run)) top.name = nameAt(top.run, top.index);
      else {
        const last = heap.pop()!;
        if (heap.length === 0) return;
        heap[0] = last;
      }
      siftDown(heap, 0);
    }
  }
}

/** Takes names in any order. */
export class NameCollector {
  readonly #runs: Run[] = [];
  #names: string[] = [];
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  add(name: string): void {
    this.#names.push(name);
    this.#sizeBytes += name.length + 4;
    if (this.#names.length >= RUN_NAMES) this.#flush();
  }

  finish(): SortedNames {
    if (this.#names.length > 0) this.#flush();
    return new SortedNames(this.#runs);
  }

  #flush(): void {
    this.#runs.push(pack(this.#names));
    this.#names = [];
  }
}
