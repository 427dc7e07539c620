// What the bench asks of a loader and what it gets back.
export interface LoadRequest {
  readonly ufsUri: string;
  readonly options: Readonly<Record<string, string>>;
  readonly keys: readonly string[];
  readonly rangeBytes: number;
  readonly inFlight: number;
}
export interface LoadResult {
  readonly seconds: number;
  readonly bytes: number;
  readonly cpuSeconds: number;
}
