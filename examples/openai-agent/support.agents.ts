import { Injectable } from '@nestjs/common';
import { RealtimeAgent, tool } from '@openai/agents-realtime';
import { z } from 'zod';
import { OrdersService } from './orders.service.js';

/** The agents of the shop, whose tools are methods of Nest's providers. */
@Injectable()
export class SupportAgents {
  constructor(private readonly orders: OrdersService) {}

  /** The agent that answers, for one conversation. */
  create(): RealtimeAgent {
    const orderStatus = tool({
      name: 'order_status',
      description: 'Tells the status of an order.',
      parameters: z.object({ number: z.string().describe('four digits') }),
      execute: ({ number }) => this.orders.statusOf(number),
    });
    const complaints = new RealtimeAgent({
      name: 'Complaints',
      handoffDescription: 'Somebody for callers who are not happy.',
      instructions: 'You listen to complaints. Be patient, and promise nothing.',
    });
    return new RealtimeAgent({
      name: 'Support',
      instructions: 'You are on the phone for a shop. Ask for the number of the order. Be brief.',
      tools: [orderStatus],
      handoffs: [complaints],
    });
  }
}
