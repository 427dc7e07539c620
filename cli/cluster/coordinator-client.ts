// The coordinator's REST API as the CLI uses it. Every path of it is in this file.
import type { MembershipView, MountEntry } from '../../common/api/index.ts';
import { CacheError, ERROR_TABLE, type ErrorCode, type ErrorContext } from '../../common/errors/index.ts';
import { printableName } from '../../common/namespace/index.ts';

const TIMEOUT_MS = 10_000;

export interface MountRequest {
  readonly mountPath: string;
  readonly ufsUri: string;
  readonly options: Readonly<Record<string, string>>;
}
/** Mounts as the coordinator shows them: sealed options never leave it. */
export type MountShown = Pick<MountEntry, 'mountPath' | 'ufsUri' | 'options' | 'generation' | 'owner'>;

export interface VersionInfo {
  readonly version: string;
  readonly [field: string]: unknown;
}

interface ErrorBody {
  readonly code?: string;
  readonly message?: string;
  readonly context?: ErrorContext;
  readonly error?: ErrorBody | string;
}

export class CoordinatorClient {
  readonly #base: string;
  readonly #signal: AbortSignal | undefined;

  /** @param base `http://host:port` */
  constructor(base: string, signal?: AbortSignal) {
    this.#base = base;
    this.#signal = signal;
  }

  membership(): Promise<MembershipView> {
    return this.#call('GET', '/api/v1/membership') as Promise<MembershipView>;
  }
  async mounts(): Promise<readonly MountShown[]> {
    const body = (await this.#call('GET', '/api/v1/mounts')) as { mounts: readonly MountShown[] } | readonly MountShown[];
    return 'mounts' in body ? body.mounts : body;
  }
  async addMount(mount: MountRequest): Promise<void> {
    await this.#call('POST', '/api/v1/mounts', mount);
  }
  async removeMount(mountPath: string): Promise<void> {
    await this.#call('DELETE', `/api/v1/mounts?path=${encodeURIComponent(printableName(mountPath))}`);
  }
  async removeWorker(uuid: string): Promise<void> {
    await this.#call('DELETE', `/api/v1/nodes/${encodeURIComponent(uuid)}`);
  }
  version(): Promise<VersionInfo> {
    return this.#call('GET', '/api/v1/version') as Promise<VersionInfo>;
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await this.#fetch(method, path, body);
    const text = await response.text();
    const parsed = parseBody(text);
    if (response.ok) return parsed;
    throw errorOf(response.status, parsed as ErrorBody | undefined, path);
  }

  async #fetch(method: string, path: string, body: unknown): Promise<Response> {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    try {
      return await fetch(this.#base + path, {
        method,
        signal: this.#signal === undefined ? timeout : AbortSignal.any([this.#signal, timeout]),
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
    } catch (error) {
      if (this.#signal?.aborted === true) throw new CacheError('Cancelled', 'Interrupted.', { cause: error });
      throw new CacheError('MetadataStoreUnavailable', `The coordinator at ${this.#base} does not answer.`, {
        source: 'self',
        context: { remedy: 'Check that it runs (alluxio local status) and that --coordinator names it.' },
        cause: error,
      });
    }
  }
}

function parseBody(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return { message: text.slice(0, 200) };
  }
}

/** The coordinator's own error, rebuilt; an answer of something else becomes one by its status. */
function errorOf(status: number, body: ErrorBody | undefined, path: string): CacheError {
  const inner = typeof body?.error === 'object' ? body.error : body;
  const code = inner?.code;
  if (code !== undefined && Object.hasOwn(ERROR_TABLE, code)) {
    return new CacheError(code as ErrorCode, inner?.message ?? code, { source: 'caller', ...(inner?.context === undefined ? {} : { context: inner.context }) });
  }
  return new CacheError('Internal', `The coordinator answered ${path} with status ${status}.`, {
    context: { status, remedy: 'Is the address that of an alluxio coordinator (port 19999)?' },
  });
}
