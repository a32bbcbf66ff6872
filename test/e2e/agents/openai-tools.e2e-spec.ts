import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RealtimeAgent, tool } from '@openai/agents-realtime';
import { z } from 'zod';
import { AgentHost } from '../../support/realtime/agent-host.js';
import type { Conversation } from '../../support/realtime/conversation.js';
import type { Output } from '../../support/realtime/response.js';
import { slowTool } from '../../support/realtime/slow-tool.js';
import { similarity, tone } from '../../support/sound.js';
import { until } from '../../support/until.js';

const RATE_HZ = 24_000;
const VOICE = tone(600, RATE_HZ, 0.5);
const say = (text: string): Output => ({ text, audio: VOICE });

let it_: AgentHost;
beforeEach(async () => (it_ = await AgentHost.start()));
afterEach(async () => {
  await it_.close();
  expect(it_.problems).toEqual([]);
});

/** Has the model call a tool first, and say what it has got. */
function call(name: string, args: object): void {
  it_.service.respond = ({ items }: Conversation) => {
    const output = items.all.findLast(({ type }) => type === 'function_call_output');
    return output ? [say(`It is ${output.output}.`)] : [{ call: name, args }];
  };
}

const conversation = () => it_.service.conversations[0]!;

describe('an OpenAI agent with tools', () => {
  it('calls a tool, and says what it has got', async () => {
    const asked: string[] = [];
    const order = tool({
      name: 'order_status',
      description: 'Status of an order.',
      parameters: z.object({ number: z.string() }),
      execute: async ({ number }) => {
        asked.push(number);
        return 'on its way';
      },
    });
    it_.bot.agent = () => new RealtimeAgent({ name: 'Ada', tools: [order] });
    call('order_status', { number: '42' });
    const phone = await it_.host.call({ carrier: 'twilio' });
    await it_.turn(phone);
    await phone.heard(4_000);
    expect(asked).toEqual(['42']);
    expect(conversation().session.tools).toMatchObject([{ name: 'order_status' }]);
    expect(conversation().items.transcript).toEqual([
      'user: Ask not.',
      'call: order_status({"number":"42"})',
      'output: on its way',
      'assistant: It is on its way.',
    ]);
    await phone.hangUp();
  });

  it('hands over to another agent', async () => {
    const billing = new RealtimeAgent({ name: 'Billing', instructions: 'You know the bills.' });
    it_.bot.agent = () =>
      new RealtimeAgent({ name: 'Desk', instructions: 'You answer.', handoffs: [billing] });
    call('transfer_to_Billing', {});
    const phone = await it_.host.call({ carrier: 'twilio' });
    await until(() => it_.bot.talks.length === 1);
    const handedOver = once(it_.bot.talk.realtime, 'agent_handoff');
    await it_.turn(phone);
    await handedOver;
    await phone.heard(4_000);
    expect(it_.bot.talk.realtime.currentAgent.name).toBe('Billing');
    expect(conversation().session.instructions).toBe('You know the bills.');
    await phone.hangUp();
  });

  it('is cut off by a guardrail, and says something else', async () => {
    it_.service.deltaEveryMs = 20;
    it_.service.answer = tone(900, RATE_HZ, 3);
    it_.bot.options = {
      outputGuardrails: [
        {
          name: 'No secrets',
          execute: async ({ agentOutput }) => ({
            tripwireTriggered: String(agentOutput).includes('secret'),
            outputInfo: {},
          }),
        },
      ],
      outputGuardrailSettings: { debounceTextLength: 10 },
    };
    it_.service.respond = ({ items }) =>
      items.transcript.some((line) => line.includes('blocked'))
        ? [say('I cannot tell.')]
        : [{ text: 'The secret word is swordfish, as you may know.', audio: it_.service.answer }];
    const phone = await it_.host.call({ carrier: 'twilio' });
    await until(() => it_.bot.talks.length === 1);
    const tripped = once(it_.bot.talk.realtime, 'guardrail_tripped');
    await it_.turn(phone);
    await tripped;
    await until(() => conversation().items.transcript.at(-1) === 'assistant: I cannot tell.');
    await sleep(700);
    // Of three seconds of the first answer only what was spoken until then.
    expect(phone.audioBytes.length).toBeLessThan(10_000);
    const end = phone.audio.slice(-4_000);
    expect(similarity(end, 8_000, VOICE.subarray(0, 6_000), RATE_HZ)).toBeGreaterThan(0.9);
    await phone.hangUp();
  });

  it('waits for an approval while the conversation goes on', async () => {
    const refund = tool({
      name: 'refund',
      description: 'Refunds an order.',
      parameters: z.object({ number: z.string() }),
      needsApproval: true,
      execute: async () => 'refunded',
    });
    it_.bot.agent = () => new RealtimeAgent({ name: 'Ada', tools: [refund] });
    call('refund', { number: '42' });
    const phone = await it_.host.call({ carrier: 'twilio' });
    await until(() => it_.bot.talks.length === 1);
    const { realtime } = it_.bot.talk;
    const requested = once(realtime, 'tool_approval_requested');
    await it_.turn(phone);
    const [, , request] = (await requested) as [
      unknown,
      unknown,
      { approvalItem: Parameters<typeof realtime.approve>[0] },
    ];
    it_.service.respond = () => [say('I am waiting.')];
    await it_.turn(phone);
    await phone.heard(4_000);
    expect(conversation().items.transcript.at(-1)).toBe('assistant: I am waiting.');
    await sleep(600);
    it_.service.respond = () => [say('Done.')];
    await realtime.approve(request.approvalItem);
    await until(() => conversation().items.transcript.at(-1) === 'assistant: Done.');
    expect(conversation().items.transcript.at(-2)).toBe('output: refunded');
    await phone.hangUp();
  });

  it('drops the result of a tool when the caller has left meanwhile', async () => {
    const { slow, finish } = slowTool();
    it_.bot.agent = () => new RealtimeAgent({ name: 'Ada', tools: [slow] });
    call('slow', {});
    const phone = await it_.host.call({ carrier: 'twilio' });
    await until(() => it_.bot.talks.length === 1);
    const started = once(it_.bot.talk.realtime, 'agent_tool_start');
    const closed = once(it_.service, 'closed');
    await it_.turn(phone);
    await started;
    await phone.hangUp();
    await closed;
    expect(await it_.end).toMatchObject({ code: 'peer_left' });
    finish('too late');
    await sleep(100);
    expect(conversation().items.transcript.at(-1)).toBe('call: slow({})');
    expect(it_.lines.all.filter((line) => /^(warn|error)/.test(line))).toEqual([]);
  });
});
