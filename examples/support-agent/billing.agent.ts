import { llm, voice } from '@livekit/agents';
import { z } from 'zod';
import type { Orders } from './orders.js';

/** The colleague for money. Takes the conversation over, with what was said before. */
export class BillingAgent extends voice.Agent {
  constructor(orders: Orders, chatCtx: llm.ChatContext) {
    super({
      instructions: 'You are the billing desk of a shop, on the phone. Be brief.',
      chatCtx,
      tools: {
        refundOrder: llm.tool({
          description: 'Pays an order back.',
          parameters: z.object({ orderNumber: z.string() }),
          execute: async ({ orderNumber }) => {
            const amount = await orders.refund(orderNumber);
            return amount === undefined ? 'There is nothing to pay back.' : `Paid back: ${amount}.`;
          },
        }),
      },
    });
  }

  override async onEnter(): Promise<void> {
    this.session.generateReply({ instructions: 'Say who you are, and go on with the request.' });
  }
}
