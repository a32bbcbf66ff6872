// A host that is asked to end while connections of all kinds are open. Usage: node closing-host.js '<JSON of its settings>'
import 'reflect-metadata';
import dns from 'node:dns';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import * as runner from 'nestjs-pipecat-runner';

const { platform, ends, options, http2 = false, addresses } = JSON.parse(process.argv[2]);
if (addresses) {
  // As where localhost is 127.0.0.1 and ::1.
  const { lookup } = dns;
  dns.lookup = (name, how, done) =>
    how?.all
      ? done(
          null,
          addresses.map((address) => ({ address, family: 4 })),
        )
      : lookup(name, how, done);
}

const folder = mkdtempSync(join(tmpdir(), 'closing-host-'));
writeFileSync(join(folder, 'large.wav'), '');
truncateSync(join(folder, 'large.wav'), 100_000_000);
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Stays until it is asked to stop. */
class Bot extends runner.BotLauncher {
  async launch(args, session) {
    session.ready();
    await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
  }
  beforeApplicationShutdown() {
    console.log('the drain is over');
  }
}

class HostController {
  async slow() {
    console.log('slow begins');
    await sleep(3_000);
    return 'the host took its time';
  }
  never() {
    console.log('never begins');
    return new Promise(() => undefined);
  }
}
Controller('host')(HostController);
for (const name of ['slow', 'never']) {
  const { prototype } = HostController;
  Get(name)(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
}

class AppModule {}
Module({
  imports: [
    runner.RunnerModule.forRoot({
      launcher: Bot,
      transports: [runner.WebSocketModule.forRoot()],
      features: [runner.DownloadsModule.forRoot({ folder })],
      ...options,
    }),
  ],
  controllers: [HostController],
})(AppModule);

const adapter =
  platform === 'fastify'
    ? new (await import('@nestjs/platform-fastify')).FastifyAdapter({ http2 })
    : new (await import('@nestjs/platform-express')).ExpressAdapter();
const app = await NestFactory.create(AppModule, adapter, { logger: ['error', 'warn', 'log'] });
// Beside the runner's: a protocol of the host's own.
app.getHttpServer().prependListener('upgrade', (request, socket) => {
  if (request.url === '/host-protocol') {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: own\r\nConnection: Upgrade\r\n\r\n');
  }
});
if (ends === 'with shutdown hooks') app.enableShutdownHooks([], { useProcessExit: true });
else process.once('SIGTERM', () => void app.close());
await app.listen(0, addresses ? 'localhost' : '127.0.0.1');
console.log(`listening on ${app.getHttpServer().address().port}`);
