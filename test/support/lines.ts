import type { LoggerService } from '@nestjs/common';

/** Keeps what is logged, with its level before it. */
export class Lines implements LoggerService {
  readonly all: string[] = [];
  private readonly waiting = new Set<() => void>();
  readonly log = this.at('log');
  readonly warn = this.at('warn');
  readonly error = this.at('error');
  readonly debug = this.at('debug');
  readonly verbose = this.at('verbose');
  readonly fatal = this.at('fatal');

  get text(): string {
    return this.all.join('\n');
  }

  /** The first line that has it, now or when it comes. */
  async with(text: string): Promise<string> {
    for (;;) {
      const line = this.all.find((one) => one.includes(text));
      if (line !== undefined) return line;
      await new Promise<void>((resolve) => this.waiting.add(resolve));
    }
  }

  private at(level: string) {
    return (message: unknown): void => {
      this.all.push(`${level} ${String(message)}`);
      for (const resolve of this.waiting) resolve();
      this.waiting.clear();
    };
  }
}
