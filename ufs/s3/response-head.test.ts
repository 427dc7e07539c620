import { describe, expect, it } from '@jest/globals';
import { ChunkedDecoder, parseResponseHead } from './response-head.ts';

const head = (...lines: string[]) => parseResponseHead(lines.join('\r\n'), 'GET');

describe('the head of a response', () => {
  it('gives status, lower-case headers and a body of announced length', () => {
    const parsed = head('HTTP/1.1 206 Partial Content', 'ETag:  "a:b" ', 'Content-Length: 4194304', 'X-Empty:');
    expect(parsed).toMatchObject({ status: 206, isKept: true, framing: { kind: 'length', bytes: 4194304 } });
    expect({ ...parsed.headers }).toEqual({ etag: '"a:b"', 'content-length': '4194304', 'x-empty': '' });
  });

  it('keeps every value of a repeated header', () => {
    expect(head('HTTP/1.1 200 OK', 'x-a: 1', 'X-A: 2', 'x-a: 3').headers['x-a']).toEqual(['1', '2', '3']);
  });

  it('knows bodies without a length, and answers without a body', () => {
    expect(head('HTTP/1.1 200 OK', 'Transfer-Encoding: Chunked').framing).toEqual({ kind: 'chunked' });
    expect(head('HTTP/1.1 200 OK').framing).toEqual({ kind: 'until-close' });
    expect(head('HTTP/1.1 304 Not Modified', 'content-length: 12').framing).toEqual({ kind: 'length', bytes: 0 });
  });

  it('tells whether, and how long, the connection is kept', () => {
    expect(head('HTTP/1.1 200 OK', 'Connection: Close').isKept).toBe(false);
    expect(head('HTTP/1.0 200 OK').isKept).toBe(false);
    expect(head('HTTP/1.0 200 OK', 'connection: keep-alive').isKept).toBe(true);
    expect(head('HTTP/1.1 200 OK', 'Keep-Alive: timeout=5, max=100').keptMs).toBe(5000);
  });

  it.each([
    ['no HTTP', ['ICY 200 OK']],
    ['another version', ['HTTP/2 200 OK']],
    ['a header without colon', ['HTTP/1.1 200 OK', 'nonsense']],
    ['a folded header', ['HTTP/1.1 200 OK', 'a: b', ' c']],
    ['a space before the colon', ['HTTP/1.1 200 OK', 'content-length : 3']],
    ['two lengths', ['HTTP/1.1 200 OK', 'content-length: 3', 'content-length: 3']],
    ['a negative length', ['HTTP/1.1 200 OK', 'content-length: -3']],
    ['a length and chunks', ['HTTP/1.1 200 OK', 'content-length: 3', 'transfer-encoding: chunked']],
    ['an unknown coding', ['HTTP/1.1 200 OK', 'transfer-encoding: gzip, chunked']],
  ])('refuses %s', (_what, lines) => {
    expect(() => head(...lines)).toThrow(expect.objectContaining({ code: 'UfsUnavailable' }));
  });
});

describe('a chunked body', () => {
  const decode = (pieces: readonly Buffer[]): { text: string; isOver: boolean; behind: number } => {
    const decoder = new ChunkedDecoder();
    let text = '';
    let behind = 0;
    for (const piece of pieces) behind += decoder.push(piece, (bytes) => (text += bytes.toString('latin1')));
    return { text, isOver: decoder.isOver, behind };
  };
  const raw = Buffer.from('5;ext=1\r\nhello\r\n0A\r\n, world!\r\n\r\n0\r\nTrailer: x\r\n\r\n');

  it('is the same wherever it is cut, and over only with its last chunk and the empty line', () => {
    const whole = { text: 'hello, world!\r\n', isOver: true, behind: 0 };
    for (let cut = 0; cut <= raw.length; cut++) {
      expect(decode([raw.subarray(0, cut), raw.subarray(cut)])).toEqual(whole);
      expect(decode([raw.subarray(0, cut)]).isOver).toBe(cut === raw.length);
    }
    expect(decode([...raw].map((byte) => Buffer.from([byte])))).toEqual(whole);
  });

  it('tells how many bytes stand behind it', () => {
    expect(decode([Buffer.from('0\r\n\r\nabc')])).toEqual({ text: '', isOver: true, behind: 3 });
  });

  it.each(['xyz\r\n', '3\r\nabcd\r\n', '3\nabc\r\n', '-1\r\n', '\r\n', `1;${'x'.repeat(10_000)}`])('that is malformed is refused (%#)', (text) => {
    expect(() => decode([Buffer.from(text)])).toThrow(expect.objectContaining({ code: 'UfsUnavailable' }));
  });
});
