// What callers send, checked field by field: a wrong one is named with its value and what to write instead.
import { CacheError } from '../common/errors/index.ts';
import { isByteName } from '../common/namespace/index.ts';
import type { MountRequest } from './mount-records.ts';

const fault = (field: string, message: string, remedy: string): CacheError => new CacheError('InvalidArgument', message, { source: 'caller', context: { field, remedy } });

function textField(body: Readonly<Record<string, unknown>>, field: string, example: string): string {
  const value = body[field];
  if (typeof value === 'string' && value !== '' && isByteName(value)) return value;
  throw fault(field, value === undefined ? `The field ${field} is missing.` : `The field ${field} is not a text.`, `For example "${field}": "${example}".`);
}

function optionsField(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const wrong = isObject ? Object.entries(value).find(([, option]) => typeof option !== 'string') : ['options', value];
  if (wrong === undefined) return { ...(value as Record<string, string>) };
  throw fault('options', 'The field options is not an object of texts.', 'For example "options": {"alluxio.underfs.s3.endpoint.region": "eu-west-1"}.');
}

const MOUNT_FIELDS = new Set(['mountPath', 'ufsUri', 'options', 'owner']);

/** @throws InvalidArgument naming the field */
export function mountRequest(body: unknown): MountRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw fault('body', 'The request has no JSON object.', 'Send {"mountPath": …, "ufsUri": …}.');
  const fields = body as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(fields).find((name) => !MOUNT_FIELDS.has(name));
  if (unknown !== undefined) throw fault(unknown, `The field ${unknown} is not known.`, `Fields are ${[...MOUNT_FIELDS].join(', ')}.`);
  return {
    mountPath: textField(fields, 'mountPath', '/data'),
    ufsUri: textField(fields, 'ufsUri', 's3://bucket/prefix'),
    options: optionsField(fields['options']),
    ...(fields['owner'] === undefined ? {} : { owner: textField(fields, 'owner', 'cli') }),
  };
}

/** @throws InvalidArgument */
export function queryField(query: Readonly<Record<string, string>>, field: string, example: string): string {
  const value = query[field];
  if (value !== undefined && value !== '') return value;
  throw fault(field, `The query parameter ${field} is missing.`, `For example ?${field}=${encodeURIComponent(example)}.`);
}

/** Canonical form, also of `worker-<uuid>`. @throws InvalidArgument */
export function workerUuid(text: string): string {
  const uuid = text.replace(/^worker-/, '').toLowerCase();
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid)) return uuid;
  throw fault('uuid', `'${text.slice(0, 80)}' is not the id of a worker.`, 'alluxio info nodes lists them.');
}
