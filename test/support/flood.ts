import type { FakeClient } from '../../src/testing/index.js';
import { until } from './until.js';

/** Length of a text of {@link typeUntilRefused}, in characters. */
export const TEXT_LENGTH = 900_000;

/** Sends texts to the bot until one is refused. @returns the number of those before it, and the refusal */
export async function typeUntilRefused(client: FakeClient, length = TEXT_LENGTH) {
  const ids: string[] = [];
  const options = { run_immediately: false, audio_response: true };
  const refusalOf = () => client.messages.find(({ type }) => type === 'error-response');
  await until(() => {
    ids.push(client.send('send-text', { content: 'x'.repeat(length), options }));
    return refusalOf() !== undefined;
  });
  const { id, data } = refusalOf()!;
  return { taken: ids.indexOf(id!), error: data?.error };
}
