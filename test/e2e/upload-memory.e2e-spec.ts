import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { finished } from 'node:stream/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { RunnerModule, WebSocketModule } from '../../src/index.js';
import { FileStorage, type FileUpload } from '../../src/bot/file-storage.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { heldBytes, heldSince } from '../support/held-bytes.js';
import { closeApps, PLATFORMS, post, type RunningApp, startApp } from '../support/runner-app.js';

/** Bytes that a client sends at most. */
const SENT = 4_000_000;
/** Memory of an upload that nobody reads, the client's own buffer too, at most, in bytes. */
const KEPT = 3_500_000;
/** A client whose bytes are not read for so long is held back, in milliseconds. */
const STALLED_MS = 400;

/** Storage that reads nothing until it is told to. */
class SlowShelf extends FileStorage {
  private goOn = (): void => undefined;
  private readonly told = new Promise<void>((resolve) => (this.goOn = resolve));

  async save({ content }: FileUpload): Promise<string> {
    await this.told;
    await finished(content.resume());
    return 'shelf:1';
  }
  async load(): Promise<Buffer> {
    return Buffer.alloc(0);
  }
  async delete(): Promise<void> {}

  read(): void {
    this.goOn();
  }
}

let socket: Socket;
afterEach(async () => {
  socket.destroy();
  await closeApps();
});

async function begin(app: RunningApp, route: string): Promise<void> {
  const { sessionId } = await post(`${app.url}/start`, { transport: 'websocket' });
  socket = connect(Number(new URL(app.url).port), '127.0.0.1').on('error', () => undefined);
  socket.write(
    `POST ${route.replace(':id', sessionId)} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n` +
      'Content-Type: multipart/form-data; boundary=b\r\n\r\n',
  );
}

/** A chunk of a body. */
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

/** Sends until it is read no more, answered, or enough. @returns the bytes sent */
async function pour(text: string): Promise<number> {
  const answered = once(socket, 'data').then(() => 'answered');
  while (socket.bytesWritten < SENT) {
    if (socket.write(text)) continue;
    const stalled = new Promise((resolve) => setTimeout(resolve, STALLED_MS, 'stalled'));
    const what = await Promise.race([once(socket, 'drain'), answered, stalled]);
    if (typeof what === 'string') break;
  }
  return socket.bytesWritten;
}

const FILE = '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n';

describe.each(PLATFORMS)('uploads on %s', (platform) => {
  describe.each(['/files', '/sessions/:id/files'])('to %s', (route) => {
    it.each([
      ['a file in large pieces', FILE, 'x'.repeat(65_536)],
      ['a file in pieces of a byte', FILE, 'x'],
      ['a file of beginnings of boundaries', FILE, '\r\n-'.repeat(20_000)],
      ['headers of a part without end', '--b\r\n', 'A: b\r\n'.repeat(1_000)],
      ['a field without end', '--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n', 'x'],
      ['no beginning of a form', '', 'x'.repeat(1_000)],
    ])('hold less than was sent: %s', async (_, beginning, piece) => {
      const shelf = new SlowShelf();
      const app = await startApp(platform, [
        RunnerModule.forRoot({
          launcher: { useValue: new RecordingLauncher() },
          transports: [WebSocketModule.forRoot()],
          fileStorage: { useValue: shelf },
        }),
      ]);
      await begin(app, route);
      const before = await heldBytes();
      if (beginning) socket.write(chunk(beginning));
      // Several chunks at a time, as they come from a network.
      const sent = await pour(chunk(piece).repeat(Math.ceil(65_536 / piece.length)));
      // A file whose storage does not read waits at the client.
      expect(sent).toBeGreaterThan(KEPT);
      expect(await heldSince(before, KEPT)).toBeLessThan(KEPT);
      shelf.read();
    });
  });
});
