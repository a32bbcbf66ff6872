import { CallData, RunnerError } from 'nestjs-pipecat-runner';
import { type Carrier, JsonCarrierSerializer, MULAW } from 'nestjs-pipecat-runner/bot';

/** A carrier that speaks like Twilio, but begins a call with a message of its own, and connects with a key. */
export const acme: Carrier<'acme', { key: string }> = {
  name: 'acme',
  urlSetting: 'the console of Acme',
  account: { required: { key: 'ACME_KEY' } },
  identify({ acme: call }) {
    if (typeof call !== 'object' || call === null) return undefined;
    const { line, id, from } = call as Record<string, unknown>;
    if (typeof line !== 'string' || typeof id !== 'string') return undefined;
    return new CallData({
      stream_id: line,
      call_id: id,
      from: typeof from === 'string' ? from : undefined,
    });
  },
  serializer: ({ stream_id: line = '' }) =>
    new JsonCarrierSerializer({ codecs: { in: MULAW, out: MULAW }, stream: { line } }),
  verifyConnection({ headers }, { key }) {
    if (headers['x-acme-key'] !== key) throw new RunnerError('UNAUTHORIZED', 'another key');
  },
};
