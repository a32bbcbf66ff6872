import { Injectable } from '@nestjs/common';

/** The shop's orders. In a shop this is a database. */
@Injectable()
export class OrdersService {
  private readonly orders = new Map([
    ['1001', 'It was sent yesterday, and arrives tomorrow.'],
    ['1002', 'It is being packed.'],
  ]);

  async statusOf(number: string): Promise<string> {
    return this.orders.get(number) ?? 'There is no such order.';
  }
}
