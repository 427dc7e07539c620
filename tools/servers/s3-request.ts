// What an S3 request asks for, read off its line: enough to count and to match, for path-style addresses.

export interface S3Request {
  readonly method: string;
  /** `get-object`, `head-object`, `list-objects`, `put-object`, `upload-part`, … */
  readonly op: string;
  readonly bucket: string;
  /** Decoded; '' for requests that concern the bucket. */
  readonly key: string;
  /** The Range header; '' without one. */
  readonly range: string;
}

type Table = Readonly<Record<string, (query: URLSearchParams) => string>>;

const OBJECT_OPS: Table = {
  GET: (query) => (['uploadId', 'acl', 'tagging', 'attributes', 'retention', 'legal-hold'].some((name) => query.has(name)) ? 'get-object-metadata' : 'get-object'),
  HEAD: () => 'head-object',
  PUT: (query) => (query.has('partNumber') ? 'upload-part' : 'put-object'),
  POST: (query) => (query.has('uploads') ? 'create-upload' : 'complete-upload'),
  DELETE: (query) => (query.has('uploadId') ? 'abort-upload' : 'delete-object'),
};
const BUCKET_OPS: Table = {
  GET: (query) => (['location', 'versioning', 'policy', 'uploads', 'acl'].some((name) => query.has(name)) ? 'get-bucket-metadata' : 'list-objects'),
  HEAD: () => 'head-bucket',
  PUT: () => 'create-bucket',
  POST: () => 'delete-objects',
  DELETE: () => 'delete-bucket',
};

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function parseS3Request(method: string, url: string, range: string): S3Request {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
  const slash = path.indexOf('/', 1);
  const bucket = decoded(path.slice(1, slash < 0 ? undefined : slash));
  const key = slash < 0 ? '' : decoded(path.slice(slash + 1));
  if (bucket === '') return { method, op: 'list-buckets', bucket, key, range };
  const op = (key === '' ? BUCKET_OPS : OBJECT_OPS)[method]?.(query) ?? 'other';
  return { method, op, bucket, key, range };
}
