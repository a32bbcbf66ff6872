// A conversation with a host that startHost makes where Fastify is not installed.
import 'reflect-metadata';
import { hidePackage } from './hide-package.js';

hidePackage('@nestjs/platform-fastify');

const { RunnerModule, WebSocketModule } = await import('nestjs-pipecat-runner');
const { RecordingLauncher, startHost } = await import('nestjs-pipecat-runner/testing');

const bot = new RecordingLauncher();
const host = await startHost(
  RunnerModule.forRoot({
    launcher: { useValue: bot },
    transports: [WebSocketModule.forRoot()],
  }),
  { logger: false },
);
await host.connect({ body: 'hello' });
const { args } = await bot.nextLaunch();
await host.close();
console.log(`${host.app.getHttpAdapter().getType()} ${args.body}`);
