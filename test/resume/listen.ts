import type { Event } from '../../src/index.js';

type EventOf<Type extends Event['type']> = Extract<Event, { type: Type }>;

/** Keeps the events of a run. */
export class Listener {
  readonly #events: Event[] = [];
  #looks: (() => void)[] = [];

  readonly onEvent = (event: Event): void => {
    this.#events.push(event);
    for (const look of this.#looks) look();
  };

  all<Type extends Event['type']>(type: Type): EventOf<Type>[] {
    return this.#events.filter((event): event is EventOf<Type> => event.type === type);
  }

  /** The names of relations, each as often as it was copied. */
  get copied(): string[] {
    return this.all('relation-copied').map(({ relation }) => relation);
  }

  /** Waits until the run has told so many events of a type that are such; fails when the run ends before. */
  async hears<Type extends Event['type']>(
    run: Promise<unknown>,
    type: Type,
    isSuch: (event: EventOf<Type>) => boolean = () => true,
    count = 1,
  ): Promise<void> {
    const heard = new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.all(type).filter(isSuch).length >= count) resolve();
      };
      this.#looks.push(look);
      look();
    });
    const ended = run.then(() => {
      throw new Error(`the run has ended, and told no ${count} of ${type}`);
    });
    await Promise.race([heard, ended]);
    this.#looks = [];
  }
}
