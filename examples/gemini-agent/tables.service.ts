import { Injectable } from '@nestjs/common';

/** The tables of a restaurant. In a restaurant this is a database. */
@Injectable()
export class TablesService {
  private readonly bookings: { readonly day: string; readonly guests: number }[] = [];

  /** Books a table. @throws when there is none, with what the guest is told */
  async book(day: string, guests: number): Promise<string> {
    if (!(guests >= 1 && guests <= 8)) throw new Error('Tables are for 1 to 8 guests.');
    const booked = this.bookings.filter((one) => one.day === day).length;
    if (booked >= 10) throw new Error(`There is no table left on ${day}.`);
    this.bookings.push({ day, guests });
    return `Table ${booked + 1} on ${day}, for ${guests}.`;
  }
}
