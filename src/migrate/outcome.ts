import type { DumpStageName, Event, StageName } from '../engine/events.js';
import type { LeftOut } from '../plan/left-out.js';
import type { Verification } from '../verify/verification.js';

/** What an attempt went on with. */
export type Resumed = Omit<Extract<Event, { type: 'resumed' }>, 'type'>;

/** What a migration did. */
export interface Outcome {
  /** `user@host:port/database`, without a password. */
  readonly source: string;
  readonly target: string;
  /** Of the source, and so of the target; undefined for plain PostgreSQL. */
  readonly timescaleVersion: string | undefined;
  readonly jobs: number;
  /** Relations whose rows were copied, chunks included, in all attempts together. */
  readonly relations: number;
  readonly hypertables: number;
  readonly chunks: number;
  readonly rows: number;
  /** Bytes of the rows as they went through the network. */
  readonly bytes: number;
  readonly seconds: number;
  readonly stages: readonly { readonly stage: StageName | DumpStageName; readonly seconds: number }[];
  /** What the comparison of both sides found; undefined when none was asked for. */
  readonly verification: Verification | undefined;
  /** What stood already and what was copied again, at each attempt but the first. */
  readonly resumed: readonly Resumed[];
  readonly leftOut: readonly LeftOut[];
  readonly notices: readonly string[];
}

type Counted = Pick<Outcome, 'stages' | 'resumed' | 'notices'>;

/** Adds events up. */
export class OutcomeCounter {
  readonly #stages: { stage: StageName | DumpStageName; seconds: number }[] = [];
  readonly #resumed: Resumed[] = [];
  readonly #notices: string[] = [];

  count(event: Event): void {
    switch (event.type) {
      case 'stage-finished':
        this.#stages.push({ stage: event.stage, seconds: event.seconds });
        break;
      case 'resumed': {
        const { type: _, ...resumed } = event;
        this.#resumed.push(resumed);
        break;
      }
      case 'notice':
        this.#notices.push(event.message);
        break;
    }
  }

  get counted(): Counted {
    return { stages: this.#stages, resumed: this.#resumed, notices: this.#notices };
  }
}
