// This worker's place in the metadata store: a record under a lease, renewed as long as the process lives and rebuilt whenever it was lost.
// States: absent (no lease: trying, with growing pauses); registered (record under a live lease); replaced (another instance of the same uuid took
// over: wait until its record is gone); left. Reads and fills depend on none of them.
// Not here: membership views, what the record says.
import type { MembershipView, WorkerRecord } from '../../common/api/index.ts';
import { backoffDelayMs, type Clock, linkSignals, onAbort, sleep, systemClock, type Timer } from '../../common/async/index.ts';
import { asCacheError, CacheError } from '../../common/errors/index.ts';
import { VNODES_MAX } from '../../common/hash/ring.ts';
import type { Logger } from '../../common/log/index.ts';
import type { Compare, Lease, MetadataStore } from '../../common/metadata-store/index.ts';

export interface RegistrationOptions {
  readonly store: MetadataStore;
  /** Keys of the record under the lease, and of the one that stays. */
  readonly keys: { readonly online: string; readonly registered: string };
  readonly record: Omit<WorkerRecord, 'vnodes' | 'fuseClients'>;
  /** Points on the ring, given those of an earlier registration. */
  readonly vnodes: (registered: number | undefined) => number;
  readonly leaseTtlSeconds: number;
  readonly logger: Logger;
  readonly clock?: Clock;
}

const BACKOFF = { baseMs: 50, maxMs: 2000 } as const;
/** Changes of the number of FUSE clients within this time are written as one. */
const UPDATE_DEBOUNCE_MS = 1000;
/** Leaving waits for the store no longer than this: the record then ends with its lease. */
const LEAVE_MS = 1000;
const CLAIM_TRIES_MAX = 8;
/** How often another instance's record is looked at. */
const REPLACED_PAUSE_MS = 2000;
/** As the number of clients in the record: the next count is written whatever it is. */
const UNKNOWN = -1;

export class Registration {
  readonly #options: RegistrationOptions;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #lease: Lease | undefined;
  #vnodes = 0;
  #fuseClients = 0;
  #writtenFuseClients = 0;
  /** Of our record under the lease; 0 while there is none. */
  #modRevision = 0;
  #registrations = 0;
  #lastError: CacheError | undefined;
  #updateTimer: Timer | undefined;
  /** Ends the present registration without the lease having been lost: the record has gone or is another's. */
  #disturb: (() => void) | undefined;

  constructor(options: RegistrationOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Whether the record is certainly there. */
  get isRegistered(): boolean {
    return this.#modRevision > 0 && this.#lease?.isValid() === true;
  }
  get registrations(): number {
    return this.#registrations;
  }
  /** Why the worker is not registered. */
  get lastError(): CacheError | undefined {
    return this.isRegistered ? undefined : this.#lastError;
  }

  /** Registers in the background, over any number of failures, until `leave`. */
  start(): void {
    this.#running = this.#run();
  }

  /** A view in which this worker's record is missing or another instance's ends the present registration. */
  observe(view: MembershipView): void {
    if (this.#modRevision === 0 || view.revision < this.#modRevision) return;
    const { uuid, instanceId } = this.#options.record;
    const own = view.members.find(({ record }) => record.uuid === uuid);
    if (own?.online !== true || own.record.instanceId !== instanceId) this.#disturb?.();
  }

  /** Written into the record after a moment. */
  setFuseClients(count: number): void {
    this.#fuseClients = count;
    if (count === this.#writtenFuseClients || this.#updateTimer !== undefined) return;
    this.#updateTimer = this.#clock.schedule(UPDATE_DEBOUNCE_MS, () => void this.#update(), true);
  }

  /** Takes the worker off the ring; never throws. Idempotent. */
  async leave(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#updateTimer?.cancel();
    this.#stop.abort(new CacheError('Cancelled', 'The worker is leaving.'));
    const lease = this.#lease;
    this.#modRevision = 0;
    await Promise.race([Promise.all([this.#running, lease?.revoke()]), sleep(LEAVE_MS, undefined, this.#clock)]);
  }

  async #run(): Promise<void> {
    const { logger } = this.#options;
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted; ) {
      try {
        const isOurs = await this.#register();
        if (!isOurs) {
          await sleep(REPLACED_PAUSE_MS, signal, this.#clock);
          continue;
        }
        failures = 0;
        logger.info(this.#registrations === 1 ? 'Registered' : 'Registered again', { vnodes: this.#vnodes });
        await this.#untilOver();
        if (!signal.aborted) logger.warn('The registration is gone: registering again; reads go on');
      } catch (error) {
        if (signal.aborted) return;
        const failure = asCacheError(error, 'MetadataStoreUnavailable');
        if (failure.code === 'LeaseLost') this.#lease = undefined; // the store knows before our deadline does
        this.#failed(failure, ++failures);
        await sleep(backoffDelayMs(failures, BACKOFF), signal, this.#clock).catch(() => undefined);
      }
    }
  }

  #failed(error: CacheError, failures: number): void {
    const isNews = this.#lastError?.code !== error.code || failures === 1;
    this.#lastError = error;
    if (isNews) this.#options.logger.warn('The worker cannot register now: it serves and goes on trying', { error });
  }

  /** @returns false: a later instance of this uuid is registered */
  async #register(): Promise<boolean> {
    const { store, leaseTtlSeconds } = this.#options;
    const { signal } = this.#stop;
    if (this.#lease?.isValid() !== true) {
      const lease = await store.lease(leaseTtlSeconds, { signal });
      if (signal.aborted) {
        await lease.revoke();
        return false;
      }
      this.#lease = lease;
    }
    const isOurs = await this.#claim(this.#lease!);
    if (isOurs) this.#registrations++;
    return isOurs;
  }

  /**
   * Creates the record, or replaces that of an earlier life at once: this process holds the locks of all its page-store directories, so that life is over.
   * A record of a later life (a copied identity file) is left alone.
   */
  async #claim(lease: Lease): Promise<boolean> {
    const { store, keys, record } = this.#options;
    const { signal } = this.#stop;
    for (let tries = 0; tries < CLAIM_TRIES_MAX; tries++) {
      const [online, registered] = await Promise.all([store.get(keys.online, { signal }), store.get(keys.registered, { signal })]);
      const held = parseRecord(online.entry?.value);
      if (held !== undefined && held.instanceId !== record.instanceId && held.startedAtMs > record.startedAtMs) {
        this.#failed(twin(held), 1);
        return false;
      }
      this.#vnodes = this.#options.vnodes(validVnodes(parseRecord(registered.entry?.value)));
      const compare: Compare = online.entry === undefined ? { key: keys.online, absent: true } : { key: keys.online, modRevision: online.entry.modRevision };
      const value = this.#value();
      const changes = [
        { type: 'put' as const, key: keys.online, value, leaseId: lease.id },
        { type: 'put' as const, key: keys.registered, value },
      ];
      const { committed, revision } = await store.commit({ compares: [compare], changes }, { signal });
      if (!committed) continue;
      this.#modRevision = revision;
      return true;
    }
    throw new CacheError('OperationPending', 'The record changes faster than it can be replaced.', { source: 'metadata-store' });
  }

  #untilOver(): Promise<void> {
    const over = linkSignals([this.#stop.signal, this.#lease!.lost]);
    return new Promise<void>((resolve) => {
      const end = (): void => {
        this.#modRevision = 0;
        this.#disturb = undefined;
        over.dispose();
        resolve();
      };
      this.#disturb = end;
      onAbort(over.signal, end);
    });
  }

  async #update(): Promise<void> {
    this.#updateTimer = undefined;
    const { store, keys } = this.#options;
    const modRevision = this.#modRevision;
    if (!this.isRegistered || this.#fuseClients === this.#writtenFuseClients) return;
    try {
      const changes = [{ type: 'put' as const, key: keys.online, value: this.#value(), leaseId: this.#lease!.id }];
      const { committed, revision } = await store.commit({ compares: [{ key: keys.online, modRevision }], changes }, { signal: this.#stop.signal });
      if (committed && this.#modRevision === modRevision) this.#modRevision = revision;
      else if (!committed) await this.#adopt(modRevision);
    } catch (error) {
      this.#writtenFuseClients = UNKNOWN;
      if (!this.#stop.signal.aborted) this.#options.logger.debug('The number of FUSE clients was not written', { error });
    }
  }

  /** The record has another revision than we know: our own write whose answer was lost, and then the next count goes on from it. Another's is the view's business. */
  async #adopt(modRevision: number): Promise<void> {
    this.#writtenFuseClients = UNKNOWN;
    const { store, keys, record } = this.#options;
    const { entry } = await store.get(keys.online, { signal: this.#stop.signal });
    if (entry !== undefined && parseRecord(entry.value)?.instanceId === record.instanceId && this.#modRevision === modRevision) this.#modRevision = entry.modRevision;
  }

  #value(): string {
    this.#writtenFuseClients = this.#fuseClients;
    const record: WorkerRecord = { ...this.#options.record, vnodes: this.#vnodes, fuseClients: this.#fuseClients };
    return JSON.stringify(record);
  }
}

/** What others wrote is not trusted to be a record. */
function parseRecord(value: string | undefined): (Partial<WorkerRecord> & { readonly startedAtMs: number }) | undefined {
  if (value === undefined) return undefined;
  try {
    const record = JSON.parse(value) as Partial<WorkerRecord>;
    return { ...record, startedAtMs: typeof record.startedAtMs === 'number' ? record.startedAtMs : 0 };
  } catch {
    return undefined;
  }
}

function validVnodes(record: Partial<WorkerRecord> | undefined): number | undefined {
  const vnodes = record?.vnodes;
  return typeof vnodes === 'number' && Number.isInteger(vnodes) && vnodes >= 1 && vnodes <= VNODES_MAX ? vnodes : undefined;
}

const twin = (held: Partial<WorkerRecord>): CacheError =>
  new CacheError('AlreadyExists', 'Another worker with the same uuid is registered.', {
    source: 'metadata-store',
    context: { workerId: held.uuid, host: held.hostId, remedy: 'Give this worker its own identity file (alluxio.worker.identity.uuid.file.path) and page store.' },
  });
