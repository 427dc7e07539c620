// Keys of an etcd read and written by its JSON door: for tests that forge what a cluster believes.

const base64 = (text: string): string => Buffer.from(text).toString('base64');

async function call(endpoint: string, operation: string, body: object): Promise<{ kvs?: { key: string; value: string }[] }> {
  const answer = await fetch(`http://${endpoint}/v3/kv/${operation}`, { method: 'POST', body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`etcd answered ${operation} with ${answer.status}`);
  return (await answer.json()) as { kvs?: { key: string; value: string }[] };
}

/** Every key that begins with `prefix`. */
export async function etcdRange(endpoint: string, prefix: string): Promise<Map<string, string>> {
  const end = Buffer.from(prefix);
  end[end.length - 1]!++;
  const { kvs = [] } = await call(endpoint, 'range', { key: base64(prefix), range_end: end.toString('base64') });
  const text = (encoded: string): string => Buffer.from(encoded, 'base64').toString();
  return new Map(kvs.map(({ key, value }) => [text(key), text(value)]));
}

export async function etcdPut(endpoint: string, key: string, value: string): Promise<void> {
  await call(endpoint, 'put', { key: base64(key), value: base64(value) });
}
