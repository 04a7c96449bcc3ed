import type { Event, StageName } from '../engine/events.js';
import type { LeftOut } from '../plan/left-out.js';
import type { Verification } from '../verify/verification.js';

/** What a migration did. */
export interface Outcome {
  /** `user@host:port/database`, without a password. */
  readonly source: string;
  readonly target: string;
  /** Of the source, and so of the target; undefined for plain PostgreSQL. */
  readonly timescaleVersion: string | undefined;
  readonly jobs: number;
  /** Relations whose rows were copied, chunks included. */
  readonly relations: number;
  readonly hypertables: number;
  readonly chunks: number;
  readonly rows: number;
  /** Bytes of the rows as they went through the network. */
  readonly bytes: number;
  readonly seconds: number;
  readonly stages: readonly { readonly stage: StageName; readonly seconds: number }[];
  /** What the comparison of both sides found; undefined when none was asked for. */
  readonly verification: Verification | undefined;
  readonly leftOut: readonly LeftOut[];
  readonly notices: readonly string[];
}

type Counted = Pick<
  Outcome,
  'relations' | 'hypertables' | 'chunks' | 'rows' | 'bytes' | 'stages' | 'leftOut' | 'notices'
>;

/** Adds events up. */
export class OutcomeCounter {
  #relations = 0;
  #hypertables = 0;
  #chunks = 0;
  #rows = 0;
  #bytes = 0;
  readonly #stages: { stage: StageName; seconds: number }[] = [];
  readonly #leftOut: LeftOut[] = [];
  readonly #notices: string[] = [];

  count(event: Event): void {
    switch (event.type) {
      case 'relation-copied':
        this.#relations++;
        if (event.kind === 'hypertable') this.#hypertables++;
        if (event.kind === 'chunk') this.#chunks++;
        this.#rows += event.rows;
        this.#bytes += event.bytes;
        break;
      case 'stage-finished':
        this.#stages.push({ stage: event.stage, seconds: event.seconds });
        break;
      case 'left-out': {
        const { type: _, ...item } = event;
        this.#leftOut.push(item);
        break;
      }
      case 'notice':
        this.#notices.push(event.message);
        break;
    }
  }

  get counted(): Counted {
    return {
      relations: this.#relations,
      hypertables: this.#hypertables,
      chunks: this.#chunks,
      rows: this.#rows,
      bytes: this.#bytes,
      stages: this.#stages,
      leftOut: this.#leftOut,
      notices: this.#notices,
    };
  }
}
