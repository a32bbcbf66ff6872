export class ReplyProxy {
  private constructor(targetPort: number);
  static to(targetPort: number): Promise<ReplyProxy>;
  lost: number;
  loseEveryMs: number;
  get url(): string;
  loseNext(): void;
  cut(): void;
  cutBoth(): void;
  refuse(): void;
  heal(): void;
  stop(): Promise<void>;
}
