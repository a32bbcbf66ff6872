// A bot whose agent is OpenAI's, at the stand-in that its `body` names. In a process of its own, or within the runner.
import { RealtimeAgent, RealtimeSession } from '@openai/agents-realtime';
import { realtimeSession } from 'nestjs-pipecat-runner/agents';

export default async function bot({ body }, session) {
  const agent = new RealtimeAgent({ name: 'Ada', instructions: 'Be brief.' });
  const { ended } = await realtimeSession(
    arguments[0],
    (transport) => new RealtimeSession(agent, { transport }),
    { connect: body, session },
  );
  session.ready();
  await ended;
}
