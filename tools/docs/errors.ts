// Renders docs/reference/errors.md from the error table.
import { ERROR_TABLE, type ErrorRow } from '../../common/errors/index.ts';

export function errorsPage(): string {
  const rows = Object.entries(ERROR_TABLE as Record<string, ErrorRow>).map(
    ([code, r]) => `| \`${code}\` | ${r.wire} | ${r.grpc} | ${r.http} | ${r.errno} | ${r.exit} | ${r.level} | ${r.retry} |`,
  );
  return [
    '# Errors',
    '',
    'Generated from `common/errors/codes.ts` by `node tools/docs/main.ts`. One code means the same at every door; the message says what happened and what to do.',
    '',
    '| code | wire | gRPC | HTTP | errno | exit | log level | retry |',
    '|---|---|---|---|---|---|---|---|',
    ...rows,
    '',
    '`retry`: `no` never helps; `backoff` the same call may succeed later; `elsewhere` a replica, another worker or the UFS may answer (the client library does this by itself); `reopen` the handle is stale, open again.',
    '',
  ].join('\n');
}
