// Faults of an S3 server or of the network before it, as rules: which requests they meet, how often, and what then happens to the answer.
import type { S3Request } from './s3-request.ts';

export type FaultKind =
  /** 503 SlowDown, without asking the server. */
  | 'slow-down'
  /** 500 InternalError, without asking the server. */
  | 'internal-error'
  /** The connection is reset instead of an answer. */
  | 'reset-before-body'
  /** The connection is reset after half of the body. */
  | 'reset-mid-body'
  /** Half of the body, then the end, although Content-Length says more. */
  | 'truncated-body'
  /** Half of the body with a Content-Length that says just that: a well-formed answer that is too short. */
  | 'short-body'
  /** 16 bytes more than asked for, well-formed. */
  | 'over-long-body'
  /** Another ETag in the answer. */
  | 'wrong-etag'
  /** The server never sees If-Match. */
  | 'if-match-stripped'
  /** `onMidBody` runs after half of the body (it overwrites the object), then the connection is reset. */
  | 'object-swapped'
  /** No answer ever. */
  | 'hang'
  /** Half of the body, then silence. */
  | 'hang-mid-body';

export interface FaultRule {
  readonly kind: FaultKind;
  /** Default: `get-object`. `*`: any. */
  readonly op?: string;
  /** Substring of the key. Default: any. */
  readonly key?: string;
  /** So many requests at most. Default: until cleared. */
  readonly count?: number;
  /** For `object-swapped`. */
  readonly onMidBody?: () => Promise<void>;
}

export interface ActiveFault {
  /** Requests that it has met so far. */
  hits(): number;
  clear(): void;
}

export class FaultRules {
  readonly #rules = new Map<FaultRule, number>();

  add(rule: FaultRule): ActiveFault {
    const entry = { ...rule };
    let last = 0;
    this.#rules.set(entry, 0);
    return {
      hits: () => (last = this.#rules.get(entry) ?? last),
      clear: () => {
        last = this.#rules.get(entry) ?? last;
        this.#rules.delete(entry);
      },
    };
  }

  clear(): void {
    this.#rules.clear();
  }

  /** The first rule that meets the request; counts it. */
  take(request: S3Request): FaultRule | undefined {
    for (const [rule, hits] of this.#rules) {
      const op = rule.op ?? 'get-object';
      if ((op !== '*' && op !== request.op) || !request.key.includes(rule.key ?? '') || hits >= (rule.count ?? Infinity)) continue;
      this.#rules.set(rule, hits + 1);
      return rule;
    }
    return undefined;
  }
}
