import { llm, voice } from '@livekit/agents';
import type { MediaTransport } from 'nestjs-pipecat-runner/bot';
import { z } from 'zod';
import { BillingAgent } from './billing.agent.js';
import type { Orders } from './orders.js';

/** The agent that answers. Its tools use what the bot was injected, and the transport of the conversation. */
export class SupportAgent extends voice.Agent {
  /** @param desk phone number or SIP URI of the people who help where the agent cannot */
  constructor(orders: Orders, transport: MediaTransport, desk: string | undefined) {
    super({
      instructions: 'You are the support desk of a shop, on the phone. Be brief.',
      tools: {
        findOrder: llm.tool({
          description: 'Tells the state of an order.',
          parameters: z.object({ orderNumber: z.string() }),
          execute: async ({ orderNumber }) =>
            (await orders.find(orderNumber))?.state ?? 'There is no such order.',
        }),
        transferToHuman: llm.tool({
          description: 'Puts the caller through to a person. Say beforehand that you do.',
          execute: async (_, { ctx }) => {
            if (desk === undefined || !transport.canTransfer) return 'There is nobody right now.';
            await ctx.waitForPlayout();
            const { ok } = await transport.transfer(desk);
            // Otherwise the caller is with the desk now, and this conversation is over.
            return ok ? 'The caller was put through.' : 'Nobody can be reached right now.';
          },
        }),
        transferToBilling: llm.tool({
          description: 'Hands the caller over to billing, for invoices and refunds.',
          execute: async () =>
            llm.handoff({
              agent: new BillingAgent(orders, this.chatCtx.copy({ excludeInstructions: true })),
            }),
        }),
      },
    });
  }

  override async onEnter(): Promise<void> {
    this.session.generateReply({ instructions: 'Greet the caller, and ask for the order number.' });
  }
}
