// Waiting for descriptors without an event loop: poll of one, epoll of many, eventfd to be woken by another thread. Results: ≥ 0, or -errno.
import { libc, type Libc, type NativeBlock } from './libc.ts';

export const POLLIN = 1;
export const POLLOUT = 4;
export const EPOLLIN = 1;
export const EPOLLOUT = 4;
export const EPOLLERR = 8;
export const EPOLLHUP = 16;
export const EPOLLRDHUP = 0x2000;
/** Edge-triggered. */
export const EPOLLET = 0x8000_0000;

const EPOLL_CLOEXEC = 0o2000000;
const CTL_ADD = 1;
const EFD_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
/** struct epoll_event is packed on x86-64 alone. */
const IS_PACKED = process.arch === 'x64';
const EVENT_BYTES = IS_PACKED ? 12 : 16;
const DATA_AT = IS_PACKED ? 4 : 8;

/** One epoll set, of one thread. */
export interface EpollSet {
  readonly fd: number;
  /** @param events EPOLLIN, … ; the descriptor itself is what `descriptor(i)` gives. It leaves the set when it is closed. */
  add(fd: number, events: number): number;
  /** @param timeoutMs 0: only look; -1: for ever. @returns number of events that `descriptor` and `events` tell about */
  wait(timeoutMs: number): number;
  descriptor(index: number): number;
  events(index: number): number;
}

export interface PollCalls {
  /** @returns 1: one of `events` (or an error) is there; 0: timed out */
  poll(fd: number, events: number, timeoutMs: number): number;
  createEpoll(eventsMax: number): EpollSet | undefined;
  /** A non-blocking eventfd. */
  createEvent(): number;
  signalEvent(fd: number): number;
  /** Sets it back to 0. */
  clearEvent(fd: number): number;
}

interface EpollFunctions {
  readonly create: (flags: number) => number;
  readonly control: (fd: number, operation: number, member: number, event: Buffer) => number;
  readonly wait: (fd: number, events: number, max: number, timeoutMs: number) => number;
}

class NativeEpollSet implements EpollSet {
  readonly fd: number;
  readonly #functions: EpollFunctions;
  readonly #result: (value: number) => number;
  readonly #events: NativeBlock;
  readonly #view: DataView;
  readonly #eventsMax: number;

  constructor(fd: number, functions: EpollFunctions, options: { readonly events: NativeBlock; readonly eventsMax: number; readonly result: (value: number) => number }) {
    this.fd = fd;
    this.#functions = functions;
    this.#result = options.result;
    this.#events = options.events;
    this.#eventsMax = options.eventsMax;
    this.#view = new DataView(options.events.bytes.buffer, options.events.bytes.byteOffset, options.events.bytes.length);
  }

  add(fd: number, events: number): number {
    const event = Buffer.alloc(EVENT_BYTES);
    event.writeUInt32LE(events >>> 0, 0);
    event.writeUInt32LE(fd, DATA_AT);
    return this.#result(this.#functions.control(this.fd, CTL_ADD, fd, event));
  }
  wait(timeoutMs: number): number {
    return this.#result(this.#functions.wait(this.fd, this.#events.address, this.#eventsMax, timeoutMs));
  }
  descriptor(index: number): number {
    return this.#view.getUint32(index * EVENT_BYTES + DATA_AT, true);
  }
  events(index: number): number {
    return this.#view.getUint32(index * EVENT_BYTES, true);
  }
}

function declare(c: Libc): PollCalls {
  const result = (value: number): number => (value < 0 ? -c.errno() : value);
  const poll = c.declare<(entries: number, count: number, timeoutMs: number) => number>('int poll(void *entries, unsigned long count, int timeoutMs)');
  const eventfd = c.declare<(initial: number, flags: number) => number>('int eventfd(unsigned int initial, int flags)');
  const eventRead = c.declare<(fd: number, value: Buffer) => number>('int eventfd_read(int fd, void *value)');
  const eventWrite = c.declare<(fd: number, value: number) => number>('int eventfd_write(int fd, uint64_t value)');
  const functions: EpollFunctions = {
    create: c.declare('int epoll_create1(int flags)'),
    control: c.declare('int epoll_ctl(int fd, int operation, int member, void *event)'),
    wait: c.declare('int epoll_wait(int fd, void *events, int max, int timeoutMs)'),
  };
  const entry = c.allocate(8);
  const value = Buffer.alloc(8);
  return {
    poll: (fd, events, timeoutMs) => {
      entry.bytes.writeInt32LE(fd, 0);
      entry.bytes.writeInt16LE(events, 4);
      entry.bytes.writeInt16LE(0, 6);
      return result(poll(entry.address, 1, timeoutMs));
    },
    createEpoll: (eventsMax) => {
      const fd = functions.create(EPOLL_CLOEXEC);
      return fd < 0 ? undefined : new NativeEpollSet(fd, functions, { events: c.allocate(EVENT_BYTES * eventsMax), eventsMax, result });
    },
    createEvent: () => result(eventfd(0, EFD_NONBLOCK_CLOEXEC)),
    signalEvent: (fd) => result(eventWrite(fd, 1)),
    clearEvent: (fd) => result(eventRead(fd, value)),
  };
}

/** undefined: this platform has no koffi, or is not Linux. */
export const pollCalls: PollCalls | undefined = libc === undefined ? undefined : declare(libc);
