import { Test } from '@nestjs/testing';
import { BotLauncher } from 'nestjs-pipecat-runner';
import { agentSession } from 'nestjs-pipecat-runner/agents';
import { RecordingLauncher, startHost } from 'nestjs-pipecat-runner/testing';
import { AppModule } from '../src/app.module';

describe('the testing kit, in a host', () => {
  it('starts its module, and calls its bot by phone', async () => {
    const host = await startHost(AppModule);
    const call = await host.call({ carrier: 'twilio', from: '+15550001' });
    await call.speak(new Int16Array(8_000).fill(1_000), { pace: 'asap' });
    await call.heard(4_000);
    await call.hangUp();
    await host.close();
  });

  it('starts what is being tested with another bot in its place, and connects to that', async () => {
    const bot = new RecordingLauncher();
    const host = await startHost(
      Test.createTestingModule({ imports: [AppModule] })
        .overrideProvider(BotLauncher)
        .useValue(bot),
    );
    const client = await host.connect({ body: { user: 7 } });
    expect((await bot.nextLaunch()).args.body).toEqual({ user: 7 });
    await client.leave();
    await host.close();
  });

  it('tells which package an agent needs', async () => {
    const agent = agentSession({} as never, {} as never, { agent: {} as never });
    await expect(agent).rejects.toThrow('npm install @livekit/agents');
  });
});
