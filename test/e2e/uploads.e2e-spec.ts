import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { Agent, type IncomingMessage, request as httpRequest } from 'node:http';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type RunnerModuleExtras,
  RunnerModule,
  SessionStarter,
  SmallWebRtcModule,
  WebSocketModule,
} from '../../src/index.js';
import { FileStorage, type FileUpload } from '../../src/bot/file-storage.js';
import { connectClient, RecordingLauncher } from '../../src/testing/index.js';
import { ProcessHost } from '../support/process-host.js';
import {
  closeApps,
  nextText,
  PLATFORMS,
  post,
  type RunningApp,
  startApp,
} from '../support/runner-app.js';

let folder: string;
let running: RunningApp;
let launcher: RecordingLauncher;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'uploads-'));
});
afterEach(async () => {
  await closeApps();
  await rm(folder, { recursive: true, force: true });
});

const TRANSPORTS = [SmallWebRtcModule.forRoot(), WebSocketModule.forRoot()];
const URL_PATTERN = /^pipecat:[0-9a-f]{32}$/;
/** The largest file in these tests, in bytes. */
const MAX_BYTES = 300_000;

async function start(
  platform: (typeof PLATFORMS)[number],
  extras: RunnerModuleExtras & object = { uploads: { folder, maxBytes: MAX_BYTES } },
): Promise<void> {
  launcher = new RecordingLauncher();
  running = await startApp(platform, [
    RunnerModule.forRoot({
      launcher: { useValue: launcher },
      transports: [WebSocketModule.forRoot()],
      ...extras,
    }),
  ]);
}

function form(content: string | Uint8Array, name = 'a.txt', type?: string): FormData {
  const data = new FormData();
  data.append('file', new File([content], name, { ...(type && { type }) }));
  return data;
}

interface Answer {
  readonly status: number;
  readonly json: Record<string, unknown> & { source: { type: string; url: string } };
}

async function upload(path: string, body: FormData, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(running.url + path, { method: 'POST', body, ...init });
  return { status: response.status, json: (await response.json()) as Answer['json'] };
}

const stored = async (): Promise<string[]> =>
  (await readdir(folder, { recursive: true }).catch(() => [])).sort();

const idOf = ({ json }: Answer): string => json.source.url.replace('pipecat:', '');

/** Waits until a condition holds. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function openSession(): Promise<string> {
  const { headers } = await post(`${running.url}/start`, { transport: 'websocket' });
  return headers.get('x-session-id')!;
}

/** Starts a request with a body that the caller goes on to write. */
function rawUpload(
  path: string,
  headers: readonly string[],
  connection: 'close' | 'keep-alive' = 'close',
): Socket {
  const socket = connectTcp(Number(new URL(running.url).port), '127.0.0.1').setEncoding('utf8');
  socket.on('error', () => undefined);
  const lines = [`POST ${path} HTTP/1.1`, 'Host: x', `Connection: ${connection}`, ...headers];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  return socket;
}

async function answerOf(socket: Socket): Promise<string> {
  let answer = '';
  for await (const text of socket) answer += text as string;
  return answer;
}

const TYPE = 'Content-Type: multipart/form-data; boundary=b';
const part = (name: string, file = 'a.txt'): string =>
  `--b\r\nContent-Disposition: form-data; name="${name}"; filename="${file}"\r\n\r\n`;
const END = '\r\n--b--\r\n';

it('hands the folder of uploads to a Node bot in its own process', async () => {
  const bot = { module: 'test/support/bots/obedient-bot.js' };
  const running = await ProcessHost.start(bot, { uploads: { folder } });
  try {
    const socket = await running.open({ do: 'readFile' });
    const { id } = running.sessions[0]!;
    const response = await fetch(`${running.host.url}/sessions/${id}/files`, {
      method: 'POST',
      body: form('for the process'),
    });
    const { source } = (await response.json()) as Answer['json'];
    socket.send(source.url);
    expect(await nextText(socket)).toBe('for the process');
    socket.close();
    await until(async () => (await stored()).length === 0);
  } finally {
    await running.host.close();
  }
});

describe.each(PLATFORMS)('file uploads on %s', (platform) => {
  it('stores a file under a URL that says nothing of its name', async () => {
    await start(platform);
    const content = Buffer.alloc(MAX_BYTES, 'ä€\0\r\n--');
    const answer = await upload('/files', form(content, 'In voice ä.pdf', 'text/x-wrong'));
    expect(answer).toEqual({
      status: 200,
      json: {
        name: 'In voice ä.pdf',
        source: { type: 'url', url: expect.stringMatching(URL_PATTERN) },
        format: 'application/pdf',
      },
    });
    expect(await stored()).toEqual([idOf(answer)]);
    expect((await readFile(join(folder, idOf(answer)))).equals(content)).toBe(true);
  });

  it.each([
    ['../../etc/passwd', 'passwd'],
    ['/etc/cron.d/x', 'x'],
    ['C:\\Windows\\win.ini', 'win.ini'],
    ['..', 'file'],
    ['', 'file'],
    ['a\0b\u202egpj.exe', 'abgpj.exe'],
    ['x'.repeat(2_000), 'x'.repeat(255)],
  ])('takes the client’s file name %j for nothing but a name', async (given, name) => {
    await start(platform);
    const socket = rawUpload('/files', [TYPE, 'Transfer-Encoding: chunked']);
    const body = `${part('file', given.replaceAll('\\', '\\\\'))}hello${END}`;
    socket.write(`${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`);
    const answer = await answerOf(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toContain(`"name":"${name}"`);
    expect(await stored()).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
  });

  it('takes the media type of the part for an unknown extension, and none that is malformed', async () => {
    await start(platform);
    const named = await upload('/files', form('x', 'a.unknown-thing', 'audio/x-mine'));
    expect(named.json.format).toBe('audio/x-mine');
    const unnamed = await upload('/files', form('x', 'a.unknown-thing'));
    expect(unnamed.json.format).toBe('application/octet-stream');
  });

  it('keeps the newest files without a session, and all of a session until it ends', async () => {
    await start(platform, { uploads: { folder, maxFiles: 2 } });
    const id = await openSession();
    const ofSession = [];
    for (const n of [1, 2, 3]) {
      ofSession.push(await upload(`/sessions/${id}/files`, form(`session ${n}`)));
    }
    const others = [];
    for (const n of [1, 2, 3]) others.push(await upload('/files', form(`other ${n}`)));
    expect(await stored()).toEqual([...ofSession.slice(1), ...others.slice(1)].map(idOf).sort());
    await fetch(`${running.url}/sessions/${id}`, { method: 'DELETE' });
    expect(await stored()).toEqual(others.slice(1).map(idOf).sort());
    const late = await upload(`/sessions/${id}/files`, form('late'));
    expect([late.status, late.json.code]).toEqual([404, 'UNKNOWN_SESSION']);
  });

  it('names the URL for uploads in the answer of /start, which a WebSocket client takes from a header', async () => {
    await start(platform, { uploads: { folder }, path: 'voice', transports: TRANSPORTS });
    const startUrl = `${running.url}/voice/start`;
    const webrtc = await post(startUrl, { transport: 'webrtc' });
    const path = `/voice/sessions/${String(webrtc.json.sessionId)}/files`;
    expect(webrtc.json.fileUploadUrl).toBe(path);
    expect(webrtc.headers.get('x-file-upload-url')).toBe(path);
    expect((await upload(path, form('x'))).status).toBe(200);
    const socket = await post(startUrl, { transport: 'websocket' }, { origin: 'http://page' });
    expect(Object.keys(socket.json)).not.toContain('fileUploadUrl');
    const url = socket.headers.get('x-file-upload-url')!;
    expect(url).toBe(`/voice/sessions/${socket.headers.get('x-session-id')}/files`);
    expect(socket.headers.get('access-control-expose-headers')).toMatch(/X-File-Upload-Url/);
    expect((await upload(url, form('x'))).status).toBe(200);
    const started = await running.app
      .get(SessionStarter, { strict: false })
      .startSession({ transport: 'webrtc' });
    expect(started.fileUploadUrl).toBeUndefined();
  });

  it('names an absolute URL where the public URL is configured, and none when uploads are off', async () => {
    const options = { publicUrl: 'https://bot.example.com/x', transports: TRANSPORTS };
    await start(platform, { uploads: { folder }, ...options });
    const { json } = await post(`${running.url}/start`, { transport: 'webrtc' });
    expect(json.fileUploadUrl).toBe(
      `https://bot.example.com/x/sessions/${String(json.sessionId)}/files`,
    );
    await closeApps();
    await start(platform, options);
    const off = await post(`${running.url}/start`, { transport: 'webrtc' });
    expect(Object.keys(off.json)).not.toContain('fileUploadUrl');
    expect(off.headers.has('x-file-upload-url')).toBe(false);
  });

  it('hands the storage to a bot in this process', async () => {
    await start(platform);
    const client = await connectClient(`${running.wsUrl}/ws-client`);
    const { args, session } = await launcher.nextLaunch();
    const { json } = await upload(`/sessions/${session.id}/files`, form('to the bot'));
    expect(String(await args.file_storage!.load(json.source.url))).toBe('to the bot');
    expect(JSON.stringify(args)).not.toContain(folder);
    await expect(args.file_storage!.load(`pipecat:${'0'.repeat(32)}`)).rejects.toThrow(
      /no such file/,
    );
    await expect(args.file_storage!.load('pipecat:../secret')).rejects.toThrow(/no such file/);
    client.socket.close();
  });

  it('answers 404 for an unknown session, and stores nothing', async () => {
    await start(platform);
    const { status, json } = await upload('/sessions/none/files', form('x'));
    expect([status, json.code]).toEqual([404, 'UNKNOWN_SESSION']);
    expect(await stored()).toEqual([]);
  });

  it.each([undefined, 'voice'])(
    'answers 503 when uploads are off, with the path %j',
    async (path) => {
      await start(platform, { path });
      const { status, json } = await upload(`${path ? `/${path}` : ''}/files`, form('x'));
      expect([status, json.code]).toEqual([503, 'UPLOADS_OFF']);
      expect(json.detail).toMatch(/uploads: \{ folder \}/);
      const { headers } = await post(`${running.url}${path ? `/${path}` : ''}/start`);
      const session = headers.get('x-session-id')!;
      const inSession = await upload(
        `${path ? `/${path}` : ''}/sessions/${session}/files`,
        form('x'),
      );
      expect([inSession.status, inSession.json.code]).toEqual([503, 'UPLOADS_OFF']);
    },
  );

  it('needs the public key, as all of a session does', async () => {
    const publicKeys = ['pk_0123456789abcdef'];
    await start(platform, { uploads: { folder }, publicKeys } as object);
    expect((await upload('/files', form('x'))).status).toBe(401);
    expect((await upload('/sessions/none/files', form('x'))).status).toBe(401);
    const headers = { authorization: `Bearer ${publicKeys[0]}` };
    expect((await upload('/files', form('x'), { headers })).status).toBe(200);
  });

  describe('limits', () => {
    it('answers 413 to a file over the limit, announced or not, and leaves nothing', async () => {
      await start(platform);
      const tooLarge = form(Buffer.alloc(MAX_BYTES + 1));
      const announced = await upload('/files', form(Buffer.alloc(8_000_000)));
      const streamed = await upload('/files', tooLarge);
      for (const { status, json } of [announced, streamed]) {
        expect([status, json.code]).toEqual([413, 'TOO_LARGE']);
        expect(json.detail).toBe(`The file is larger than ${MAX_BYTES} bytes.`);
      }
      expect(await stored()).toEqual([]);
    });

    it('keeps the connection of a client that is refused while it sends', async () => {
      await start(platform);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const ports = new Set<number>();
      const send = async (bytes: number): Promise<number> => {
        const request = httpRequest(`${running.url}/files`, {
          agent,
          method: 'POST',
          headers: { 'content-type': 'multipart/form-data; boundary=b' },
        });
        request.write(part('file'));
        request.write(Buffer.alloc(bytes));
        request.end(END);
        const [response] = (await once(request, 'response')) as [IncomingMessage];
        ports.add(response.socket.localPort!);
        await once(response.resume(), 'end');
        return response.statusCode!;
      };
      expect([await send(8_000_000), await send(1)]).toEqual([413, 200]);
      expect(ports.size).toBe(1);
      agent.destroy();
    });

    it('refuses a form of 10,000 parts', async () => {
      await start(platform);
      const data = form('x');
      for (let i = 0; i < 10_000; i++) data.append(`field ${i}`, 'x');
      expect((await upload('/files', data)).status).toBe(413);
      expect(await stored()).toEqual([]);
    });

    it('refuses a part without end, and headers without end', async () => {
      await start(platform);
      for (const beginning of [part('file'), `--b\r\nX-Endless: `, '']) {
        const socket = rawUpload('/files', [TYPE, 'Transfer-Encoding: chunked'], 'keep-alive');
        const write = (text: string) =>
          socket.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
        write(beginning || 'x');
        const endless = setInterval(() => socket.writable && write('x'.repeat(10_000)), 1);
        // It stops sending once it is answered, as a client does.
        await once(socket, 'data').then(([text]) => expect(text).toMatch(/^HTTP\/1\.1 413 /));
        clearInterval(endless);
        socket.destroy();
      }
      expect(await stored()).toEqual([]);
    });

    it('ends an upload that takes too long, and leaves nothing', async () => {
      await start(platform, { uploads: { folder, timeoutMs: 200 } });
      const socket = rawUpload('/files', [TYPE, 'Content-Length: 1000']);
      socket.write(`${part('file')}slow`);
      const answer = await answerOf(socket);
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).toContain('too long');
      expect(await stored()).toEqual([]);
    });

    it('answers 429 beyond the uploads at a time, and takes the next afterwards', async () => {
      await start(platform, { uploads: { folder, maxConcurrent: 1 } });
      const socket = rawUpload('/files', [TYPE, 'Content-Length: 1000']);
      socket.write(`${part('file')}slow`);
      await until(async () => (await stored()).length === 1);
      const second = await upload('/files', form('x'));
      expect([second.status, second.json.code]).toEqual([429, 'AT_CAPACITY']);
      socket.destroy();
      await until(async () => (await upload('/files', form('x'))).status === 200);
    });
  });

  it('answers 429 beyond the uploads of a principal at a time, and goes on with those of others', async () => {
    const [slow, quick] = ['key-of-the-slow-one', 'key-of-the-quick-one'];
    await start(platform, {
      publicKeys: [slow, quick],
      uploads: { folder, maxConcurrentPerPrincipal: 1 },
    } as object);
    const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
    const headers = [TYPE, 'Content-Length: 1000', `Authorization: Bearer ${slow}`];
    rawUpload('/files', headers).write(`${part('file')}slow`);
    await until(async () => (await stored()).length === 1);
    const second = await upload('/files', form('x'), bearer(slow));
    expect([second.status, second.json.code]).toEqual([429, 'AT_CAPACITY']);
    expect((await upload('/files', form('x'), bearer(quick))).status).toBe(200);
  });

  describe('a broken upload leaves nothing:', () => {
    it.each<[string, (socket: Socket) => unknown]>([
      ['aborted', (socket) => socket.write(`${part('file')}half`, () => socket.destroy())],
      ['reset', (socket) => socket.write(`${part('file')}half`, () => socket.resetAndDestroy())],
      ['half-closed', (socket) => socket.end(`${part('file')}half`)],
    ])('%s by the client', async (_, send) => {
      await start(platform);
      const socket = rawUpload('/files', [TYPE, 'Content-Length: 100000']);
      send(socket);
      socket.resume();
      await once(socket, 'close');
      await until(async () => (await stored()).length === 0);
      expect((await upload('/files', form('x'))).status).toBe(200);
      expect((await stored()).length).toBe(1);
    });

    it.each([
      ['no end', `${part('file')}half`],
      ['a missing boundary', 'hello'],
      ['nothing', ''],
    ])('a complete body with %s', async (_, body) => {
      await start(platform);
      const socket = rawUpload('/files', [TYPE, `Content-Length: ${body.length}`]);
      socket.write(body);
      expect(await answerOf(socket)).toMatch(/^HTTP\/1\.1 4(00|22) /);
      expect(await stored()).toEqual([]);
    });

    it('of a session that ends meanwhile', async () => {
      await start(platform);
      const id = await openSession();
      const socket = rawUpload(`/sessions/${id}/files`, [TYPE, 'Content-Length: 1000']);
      socket.write(`${part('file')}half`);
      const answer = answerOf(socket);
      await until(async () => (await stored()).length === 1);
      await fetch(`${running.url}/sessions/${id}`, { method: 'DELETE' });
      expect(await answer).toMatch(/^HTTP\/1\.1 409 [^]*WRONG_STATE/);
      expect(await stored()).toEqual([]);
    });

    it.each([
      [
        'another field',
        () => {
          const data = new FormData();
          data.append('document', new File(['x'], 'a.txt'));
          return data;
        },
      ],
      [
        'two files',
        () => {
          const data = form('one');
          data.append('file', new File(['two'], 'b.txt'));
          return data;
        },
      ],
      [
        'text instead of a file',
        () => {
          const data = new FormData();
          data.append('file', 'text');
          return data;
        },
      ],
    ])('%s', async (_, make) => {
      await start(platform);
      const { status, json } = await upload('/files', make());
      expect([status, json.detail]).toEqual([422, 'file: must be one file, and the only one']);
      expect(await stored()).toEqual([]);
    });

    it('another media type', async () => {
      await start(platform);
      const { status, json } = await post(`${running.url}/files`, { file: 'x' });
      expect([status, json.code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
      const noBoundary = await post(`${running.url}/files`, 'x', {
        'content-type': 'multipart/form-data',
      });
      expect(noBoundary.status).toBe(400);
    });
  });

  it('takes several uploads at once, apart', async () => {
    await start(platform);
    const id = await openSession();
    const contents = Array.from({ length: 8 }, (_, i) => Buffer.alloc(200_000 + i, `${i}`));
    const answers = await Promise.all(
      contents.map((content) => upload(`/sessions/${id}/files`, form(content))),
    );
    for (const [i, answer] of answers.entries()) {
      expect((await readFile(join(folder, idOf(answer)))).equals(contents[i]!)).toBe(true);
    }
  });

  describe('a storage of the host', () => {
    class Shelf extends FileStorage {
      readonly files = new Map<string, { file: FileUpload; content: Buffer }>();
      failure: Error | undefined;

      async save(file: FileUpload): Promise<string> {
        if (this.failure) throw this.failure;
        const url = `shelf:${this.files.size}`;
        this.files.set(url, { file, content: await buffer(file.content) });
        return url;
      }
      async load(url: string): Promise<Buffer> {
        return this.files.get(url)!.content;
      }
      async delete(url: string): Promise<void> {
        this.files.delete(url);
      }
    }

    it('takes the place of the folder', async () => {
      const shelf = new Shelf();
      await start(platform, { fileStorage: { useValue: shelf } });
      const id = await openSession();
      const { json } = await upload(`/sessions/${id}/files`, form('for the shelf'));
      expect(json.source).toEqual({ type: 'url', url: 'shelf:0' });
      expect(shelf.files.get('shelf:0')!.file).toMatchObject({
        name: 'a.txt',
        format: 'text/plain',
        sessionId: id,
      });
      await fetch(`${running.url}/sessions/${id}`, { method: 'DELETE' });
      expect(shelf.files.size).toBe(0);
    });

    it.each([
      ['ENOSPC', 507, 'STORAGE_FULL'],
      ['EDQUOT', 507, 'STORAGE_FULL'],
      ['EACCES', 500, 'STORAGE_FAILED'],
    ])('that fails with %s is answered %d', async (code, status, named) => {
      const shelf = new Shelf();
      shelf.failure = Object.assign(new Error('secret path'), { code });
      await start(platform, { fileStorage: { useValue: shelf } });
      const answer = await upload('/files', form(Buffer.alloc(1_000_000)));
      expect([answer.status, answer.json.code]).toEqual([status, named]);
      expect(JSON.stringify(answer.json)).not.toContain('secret');
    });
  });
});
