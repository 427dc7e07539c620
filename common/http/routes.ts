// What a route is given and answers.

export interface HttpRequest {
  readonly method: string;
  /** Without query. */
  readonly path: string;
  /** The first value of each name. */
  readonly query: Readonly<Record<string, string>>;
  /** Of `:name` segments, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Parsed JSON; undefined without a body. */
  readonly body: unknown;
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal;
}

export interface HttpReply {
  /** Default 200; 204 when there is no body. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object leaves as JSON, a text as it is (`text/plain` unless a header says otherwise). */
  readonly body?: object | string;
}

export interface HttpRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `/api/v1/nodes/:uuid`. A closing slash is optional for callers. */
  readonly path: string;
  handle(request: HttpRequest): HttpReply | Promise<HttpReply>;
}
