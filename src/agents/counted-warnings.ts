/** Limit of kinds of warnings: those after it are counted together. */
const MAX_KINDS = 20;
const OTHERS = 'other warnings';

/** Warnings that the peer can cause without end: the first of each kind is logged at once, the number of the rest at the end. */
export class CountedWarnings {
  /** The first text of each kind, and how often there were others. */
  private readonly kinds = new Map<string, { readonly text: string; more: number }>();

  constructor(private readonly log: (text: string) => void) {}

  warn(text: string, kind = text): void {
    const known = this.kinds.get(kind) ?? this.kinds.get(OTHERS);
    if (known) {
      known.more++;
    } else if (this.kinds.size < MAX_KINDS) {
      this.kinds.set(kind, { text, more: 0 });
      this.log(text);
    } else {
      this.kinds.set(OTHERS, { text: OTHERS, more: 1 });
    }
  }

  /** Logs how often there were more. */
  end(): void {
    for (const { text, more } of this.kinds.values()) {
      if (more > 0) this.log(`${more} more: ${text}`);
    }
    this.kinds.clear();
  }
}
