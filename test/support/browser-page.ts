import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';

/** Serves `test/browser/client.ts`, bundled, on a page of an origin of its own. */
export class BrowserPage {
  private constructor(
    /** Browsers give microphones only to secure origins, and localhost counts as one. */
    readonly url: string,
    readonly close: () => Promise<void>,
  ) {}

  static async serve(): Promise<BrowserPage> {
    const { stdout: script } = await promisify(execFile)(
      process.execPath,
      ['test/support/bundle-browser-client.js'],
      { maxBuffer: 10 * 1_048_576 },
    );
    const server = createServer((request, response) => {
      const isScript = request.url === '/client.js';
      response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
      response.end(isScript ? script : '<!doctype html><script src="/client.js"></script>');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return new BrowserPage(`http://localhost:${port}/`, async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    });
  }
}
