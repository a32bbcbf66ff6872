import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

/** The most transfers of a call. */
const MAX_TRANSFERS = 20;

/** Twilio's API, which counts what it is asked: a bot must not be able to flood it. */
export class Carrier {
  problems = [];
  #counts = new Map();

  async start() {
    const server = createServer(async (request, response) => {
      const body = await text(request);
      this.#count(`${request.url} ${body.startsWith('Status=') ? 'ends' : 'is transferred'}`);
      response.setHeader('content-type', 'application/json');
      response.end('{"status":"completed"}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const apiUrl = `http://127.0.0.1:${server.address().port}`;
    return { twilio: { accountSid: 'AC1', authToken: 'twilio-token', apiUrl } };
  }

  #count(what) {
    const count = (this.#counts.get(what) ?? 0) + 1;
    this.#counts.set(what, count);
    if (count === (what.endsWith('ends') ? 2 : MAX_TRANSFERS + 1)) {
      this.problems.push(`carrier: ${what} ${count} times`);
    }
  }
}
