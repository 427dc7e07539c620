export { backoffDelayMs, type BackoffOptions } from './backoff.ts';
export { BoundedQueue } from './bounded-queue.ts';
export { abortReason, linkSignals, onAbort, sleep, throwIfAborted, untilAborted, type LinkedSignal, type LinkOptions } from './cancellation.ts';
export { systemClock, type Clock, type Timer } from './clock.ts';
export { Deadline } from './deadline.ts';
export { FakeClock } from './fake-clock.ts';
export { Semaphore, type Release, type SemaphoreOptions } from './semaphore.ts';
export { SingleFlight } from './single-flight.ts';
export { TokenBucket, type TokenBucketOptions } from './token-bucket.ts';
