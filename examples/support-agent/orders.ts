import { Injectable } from '@nestjs/common';

export interface Order {
  readonly state: string;
  readonly paid: string;
  refunded?: boolean;
}

/** Stands where your database would. */
@Injectable()
export class Orders {
  private readonly orders = new Map<string, Order>([
    ['1234', { state: 'It is on its way and arrives on Monday.', paid: '20 euros' }],
    ['5678', { state: 'It is waiting for payment.', paid: 'nothing' }],
  ]);

  async find(number: string): Promise<Order | undefined> {
    return this.orders.get(number);
  }

  /** @returns the amount, or `undefined` when there is nothing to pay back */
  async refund(number: string): Promise<string | undefined> {
    const order = this.orders.get(number);
    if (!order || order.paid === 'nothing' || order.refunded) return undefined;
    order.refunded = true;
    return order.paid;
  }
}
