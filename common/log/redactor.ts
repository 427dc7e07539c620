// The one redactor: what must not reach a log, an error message or a support archive. Used by the logger on every line.

const MASK = '******';

/** Field and option names whose values are secrets, whatever they contain. */
const SECRET_NAME =
  /secret|password|passwd|passphrase|credential|authorization|private.?key|account.?key|access.?key|session.?token|security.?token|^token$|api.?key|cookie|sealing|data.?plane.?key$/i;

export const isSecretField = (name: string): boolean => SECRET_NAME.test(name);

type Rule = readonly [RegExp, string];
const RULES: readonly Rule[] = [
  // Signed URLs: AWS (v2, v4), Google, Azure.
  [/([?&](?:X-Amz-(?:Signature|Credential|Security-Token)|X-Goog-(?:Signature|Credential)|Signature|AWSAccessKeyId|GoogleAccessId|sig|se|sv|token)=)[^&\s"']+/gi, `$1${MASK}`],
  // Authorization headers and bearer tokens in texts.
  [/\b(Bearer|Basic)\s+[A-Za-z0-9+/_=.~-]{16,}/g, `$1 ${MASK}`],
  [/\b(AWS4-HMAC-SHA256)\s+Credential=[^\n"']+/g, `$1 ${MASK}`],
  // user:password@ in URLs.
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^/\s:@"']+:[^/\s@"']+@/gi, `$1${MASK}@`],
  // name=value or "name":"value" with a telling name.
  [
    /((?:secret(?:[._-]?(?:access)?[._-]?key)?|password|passwd|access[._-]?key(?:[._-]?id)?|session[._-]?token|security[._-]?token|private[._-]?key|account[._-]?key)["']?\s*[=:]\s*["']?)[^\s"'&,;}]+/gi,
    `$1${MASK}`,
  ],
  // AWS access key ids and PEM keys wherever they stand.
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, MASK],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?-----END [A-Z ]*PRIVATE KEY-----/g, MASK],
];

/** Text without secrets and signatures. */
export function redactText(text: string): string {
  let redacted = text;
  for (const [pattern, replacement] of RULES) redacted = redacted.replace(pattern, replacement);
  return redacted;
}

const DEPTH_MAX = 4;
const ITEMS_MAX = 100;

/** JSON-able copy of a field: secret names masked, texts redacted, depth bounded. */
export function redactValue(name: string, value: unknown, depth = 0): unknown {
  if (isSecretField(name) && value !== undefined && value !== '') return MASK;
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  return value === null || typeof value !== 'object' ? value : redactObject(value, depth);
}

function redactObject(value: object, depth: number): unknown {
  if (ArrayBuffer.isView(value)) return `<${value.byteLength} bytes>`;
  if (depth >= DEPTH_MAX) return '…';
  if (Array.isArray(value)) return value.slice(0, ITEMS_MAX).map((item) => redactValue('', item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redactValue(key, item, depth + 1)]));
}
