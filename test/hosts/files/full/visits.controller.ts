import { Controller, Get, UseGuards } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import { AuthGuard } from '@nestjs/passport';
import { Throttle } from '@nestjs/throttler';
import { InjectRepository } from '@nestjs/typeorm';
import { ClsService } from 'nestjs-cls';
import { Repository } from 'typeorm';
import { Visit } from './visit.entity';

@Controller('visits')
export class VisitsController {
  constructor(
    private readonly cls: ClsService,
    @InjectRepository(Visit) private readonly visits: Repository<Visit>,
  ) {}

  /** The client and its number of visits. */
  @Get()
  @UseGuards(AuthGuard('jwt'))
  async visit(): Promise<{ user: string; count: number }> {
    const user = this.cls.get<string>('user');
    await this.visits.save({ user });
    return { user, count: await this.visits.countBy({ user }) };
  }

  @Get('large')
  large(): { text: string } {
    return { text: 'x'.repeat(100_000) };
  }

  @Get('limited')
  @Throttle({ default: { limit: 1, ttl: 60_000 } })
  limited(): string {
    return 'once a minute';
  }

  @MessagePattern('sum')
  sum(numbers: number[]): number {
    return numbers.reduce((sum, number) => sum + number, 0);
  }
}
