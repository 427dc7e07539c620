// What commands get from main.ts: streams, environment, the settings that every command shares. Commands own no globals.
import type { Configuration } from '../common/config/index.ts';
import type { ClusterContext } from './cluster/context-file.ts';

export interface TextSink {
  write(text: string | Uint8Array): boolean;
  readonly isTTY?: boolean;
}

/** Options that every command takes. */
export interface GlobalOptions {
  /** `-o`: json is one document on stdout, stable enough to script against. */
  readonly output: 'table' | 'json';
  readonly coordinator?: string;
  readonly conf?: string;
  /** -D texts. */
  readonly define: readonly string[];
}

/** The process around the commands. */
export interface Terminal {
  readonly out: TextSink;
  readonly err: TextSink;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts on Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** The checkout: where the programs of the processes lie. */
  readonly root: string;
  /** Node binary that runs them. */
  readonly node: string;
}

export interface CommandContext {
  readonly terminal: Terminal;
  readonly options: GlobalOptions;
  readonly config: Configuration;
  /** Where the cluster is; found when a command first needs it. @throws InvalidArgument when nothing names one */
  readonly cluster: () => ClusterContext;
}
