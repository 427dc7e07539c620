// An error as one line for people: message, what it is about, the innermost cause when it says more, the remedy.
import { looksSecret } from '../config/index.ts';
import type { CacheError } from '../errors/index.ts';
import { redactText } from './redactor.ts';

/** Without line breaks and secrets. */
export function errorLine(error: CacheError): string {
  const remedy = String(error.context['remedy'] ?? '');
  const cause = error.code === 'Internal' || error.code.endsWith('Unavailable') ? innermostMessage(error) : undefined;
  const because = cause === undefined || error.message.includes(cause) ? '' : `: ${cause}`;
  return redactText(`${error.message.replace(/\.$/, '')}${subjectOf(error)}${because}${remedy === '' || error.message.includes(remedy) ? '' : ` (${remedy})`}`).replace(
    /\s*\n\s*/g,
    ' ',
  );
}

/** The name that the error is about, unless its message tells it. */
function subjectOf({ message, context }: CacheError): string {
  const value = looksSecret(String(context['field'] ?? '')) ? [] : ['value'];
  const names = ['path', 'key', 'ufsUri', 'bucket', 'file', ...value].map((field) => context[field]).filter((name) => name !== undefined && name !== '');
  const [first] = names;
  return first === undefined || names.some((name) => message.includes(String(name))) ? '' : `: ${String(first)}`;
}

function innermostMessage(error: Error): string | undefined {
  let cause: unknown = error.cause;
  let message: string | undefined;
  for (let depth = 0; cause instanceof Error && depth < 8; depth++) {
    if (cause.message !== '') message = cause.message;
    cause = cause.cause;
  }
  return message;
}
