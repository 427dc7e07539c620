// Errors as fields: winston prints a nested error as {} and glues a second message onto the first, so the door serialises them itself.
import { CacheError } from '../errors/index.ts';
import { redactText, redactValue } from './redactor.ts';

const CAUSES_MAX = 8;

export interface ErrorFields {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly source?: string;
  readonly context?: unknown;
  readonly stack?: string;
  readonly causes?: readonly Omit<ErrorFields, 'causes'>[];
}

function single(error: unknown): Omit<ErrorFields, 'causes'> {
  if (!(error instanceof Error)) return { name: typeof error, message: redactText(String(error)) };
  const code = (error as NodeJS.ErrnoException).code;
  const own = error instanceof CacheError ? { source: error.source, ...(Object.keys(error.context).length === 0 ? {} : { context: redactValue('context', error.context) }) } : {};
  return {
    name: error.name,
    message: redactText(error.message),
    ...(typeof code === 'string' ? { code } : {}),
    ...own,
    ...(error.stack === undefined ? {} : { stack: redactText(error.stack) }),
  };
}

/** The error with its chain of causes, outermost first, cycles and long chains cut. */
export function errorFields(error: unknown): ErrorFields {
  const causes: Omit<ErrorFields, 'causes'>[] = [];
  const seen = new Set<unknown>([error]);
  let cause = error instanceof Error ? error.cause : undefined;
  while (cause !== undefined && cause !== null && !seen.has(cause) && causes.length < CAUSES_MAX) {
    seen.add(cause);
    causes.push(single(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return causes.length === 0 ? single(error) : { ...single(error), causes };
}
