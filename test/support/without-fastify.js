// A conversation with a host that startHost makes where Fastify is not installed.
import 'reflect-metadata';
import { register } from 'node:module';

const hooks = `export function resolve(specifier, context, next) {
  if (specifier !== '@nestjs/platform-fastify') return next(specifier, context);
  throw Object.assign(new Error('not installed'), { code: 'ERR_MODULE_NOT_FOUND' });
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

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
