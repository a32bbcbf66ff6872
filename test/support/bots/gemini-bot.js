// A bot that talks to Gemini's Live API, or to what GOOGLE_GEMINI_BASE_URL names.
import { GoogleGenAI, Modality } from '@google/genai';
import { liveSession } from 'nestjs-pipecat-runner/agents';

export default async function bot(args, session) {
  const ai = new GoogleGenAI({ apiKey: process.env.GEMINI_API_KEY });
  const connect = (callbacks, handle) =>
    ai.live.connect({
      model: process.env.GEMINI_MODEL,
      config: { responseModalities: [Modality.AUDIO], sessionResumption: { handle } },
      callbacks,
    });
  const { ended } = await liveSession(args, connect, { session });
  session.ready();
  await ended;
}
