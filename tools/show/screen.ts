// Plain, aligned terminal output of the show. Colour only on a terminal; nothing moves, so logs of it read the same.

const WIDTH = 92;

export interface Screen {
  title(text: string): void;
  /** A numbered step of the show. */
  step(text: string): void;
  /** What happens within a step. */
  line(text: string): void;
  /** Outcome of a claim: counted, decides the exit code. */
  claim(holds: boolean, text: string): void;
  /** Columns aligned; the first row is the heading; all but the first column to the right. */
  table(rows: readonly (readonly string[])[]): void;
  readonly failed: number;
  readonly claims: number;
}

const codes = { bold: [1, 22], dim: [2, 22], green: [32, 39], red: [31, 39] } as const;

export function createScreen(out: { write(text: string): boolean; isTTY?: boolean }): Screen {
  const paint = (name: keyof typeof codes, text: string): string => (out.isTTY === true ? `\u001b[${codes[name][0]}m${text}\u001b[${codes[name][1]}m` : text);
  const print = (text = ''): void => void out.write(`${text}\n`);
  let [steps, failed, claims] = [0, 0, 0];
  return {
    title: (text) => print(`\n${paint('bold', text)}\n${'─'.repeat(WIDTH)}`),
    step: (text) => print(`\n${paint('bold', `${++steps}  ${text}`)}`),
    line: (text) => print(`   ${text}`),
    claim(holds, text) {
      claims++;
      if (!holds) failed++;
      print(`   ${holds ? paint('green', '✓') : paint('red', '✗')} ${text}`);
    },
    table(rows) {
      const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
      for (const [index, row] of rows.entries()) {
        const text = row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('   ');
        print(`   ${index === 0 ? paint('dim', text) : text}`);
      }
    },
    get failed() {
      return failed;
    },
    get claims() {
      return claims;
    },
  };
}

export const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0);
export const rate = (bytes: number, seconds: number): string => `${(bytes / 2 ** 20 / seconds).toFixed(0)} MiB/s`;
export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** ` ████░░░░ `: a share as a bar. */
export function bar(share: number, width = 24): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}
