import type { SequenceValue } from '../inventory/sequences.js';
import type { LeftOut } from '../plan/left-out.js';
import type { Features } from '../timescale/features.js';
import type { JobStart } from '../timescale/jobs.js';
import type { SideRecord } from '../verify/side-record.js';

/** What else a dump knows of its source, beside the manifest: for checks, plans and comparisons. */
export interface DumpRecord {
  readonly side: SideRecord;
  /** The OIDs of chunks whose tables workers make. */
  readonly plainChunks: ReadonlySet<number>;
  readonly features: Features;
  readonly sequenceValues: readonly SequenceValue[];
  readonly jobStarts: readonly JobStart[];
  readonly rolePasswords: ReadonlyMap<string, string>;
  /** What a restore cannot bring. */
  readonly leftOut: readonly LeftOut[];
}
