export declare class EventLog<Event> {
  readonly all: Event[];
  add(event: Event): void;
  end(problem: string): void;
  first(matches: (event: Event) => boolean): Promise<Event>;
}
