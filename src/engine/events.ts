import type { LeftOut } from '../plan/left-out.js';

/** The stages of a migration, in their order. */
export const STAGES = [
  'connect',
  'snapshot',
  'roles',
  'extensions',
  'restore mode',
  'schema',
  'rows and indexes',
  'constraints',
  'sequences',
  'large objects',
  'configuration',
  'database',
  'owners and privileges',
  'hypertable keys',
  'materialized views',
  'statistics',
  'event triggers',
  'verify',
  'background jobs',
  'restore mode ends',
  'finish',
] as const;

export type StageName = (typeof STAGES)[number];

/** The stages of a dump, in their order. */
export const DUMP_STAGES = ['connect', 'snapshot', 'rows', 'large objects', 'checksums', 'finish'] as const;

export type DumpStageName = (typeof DUMP_STAGES)[number];

/** What a run tells while it goes. The engine never prints: whoever shows events subscribes to them. */
export type Event =
  | { readonly type: 'stage-started'; readonly stage: StageName | DumpStageName }
  | {
      readonly type: 'stage-finished';
      readonly stage: StageName | DumpStageName;
      readonly seconds: number;
    }
  /** The rows that are to be copied: relations, and bytes as they lie on the source's disk. */
  | { readonly type: 'rows-planned'; readonly relations: number; readonly bytes: number }
  | {
      readonly type: 'relation-copied';
      readonly relation: string;
      readonly kind: string;
      readonly rows: number;
      /** As they went through the network. */
      readonly bytes: number;
      /** As they lie on the source's disk. */
      readonly sourceBytes: number;
    }
  /** The rows that are to be compared: relations of the source, and bytes as they lie on its disk. */
  | { readonly type: 'verify-planned'; readonly relations: number; readonly bytes: number }
  | {
      readonly type: 'relation-verified';
      readonly relation: string;
      readonly state: 'equal' | 'different';
      readonly sourceRows: number;
      readonly targetRows: number;
      /** As they lie on the source's disk. */
      readonly sourceBytes: number;
    }
  /** The end of a comparison; what differs is in its result. */
  | {
      readonly type: 'verified';
      readonly source: string;
      readonly target: string;
      readonly mode: 'counts' | 'checksums';
      readonly equal: boolean;
      readonly rows: { readonly source: number; readonly target: number };
      readonly relations: number;
      readonly differences: number;
      readonly seconds: number;
    }
  /** A run goes on where an earlier attempt stopped. */
  | {
      readonly type: 'resumed';
      readonly attempt: number;
      /** What stands already, and stays: relations with their rows. */
      readonly kept: { readonly relations: number; readonly rows: number };
      /** Relations that are copied again, since they have changed on the source. */
      readonly again: readonly string[];
      /** Objects that are gone from the source, or are others now, and were taken back. */
      readonly takenBack: readonly string[];
    }
  /** Something failed that may pass by itself; it is tried again. */
  | { readonly type: 'retry'; readonly reason: string; readonly seconds: number }
  | ({ readonly type: 'left-out' } & LeftOut)
  | { readonly type: 'notice'; readonly message: string };

export type Emit = (event: Event) => void;
