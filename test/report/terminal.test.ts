import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import type { TextStream } from '../../src/report/progress-line.js';
import { terminalRenderer } from '../../src/report/terminal.js';

const OUTCOME = {
  source: 'postgres@old/tsdb',
  target: 'postgres@new/tsdb',
  timescaleVersion: undefined,
  jobs: 1,
  relations: 1,
  hypertables: 0,
  chunks: 0,
  rows: 2,
  bytes: 3,
  seconds: 1,
  stages: [],
  verification: undefined,
  resumed: [],
  leftOut: [],
  notices: [],
};

function shownOn(terminal: boolean): { renderer: ReturnType<typeof terminalRenderer>; text: () => string } {
  const stream = new PassThrough({ encoding: 'utf8' });
  const shown = Object.assign(stream, { isTTY: terminal, columns: 200 }) as unknown as TextStream;
  return { renderer: terminalRenderer(shown), text: () => String(stream.read() ?? '') };
}

test('the summary says whether a database was moved or a dump restored', () => {
  const { renderer, text } = shownOn(false);
  renderer.finished(OUTCOME);
  expect(text()).toContain('Moved postgres@old/tsdb\n   to postgres@new/tsdb\n');
  renderer.finished({ ...OUTCOME, source: '/backup/tsdb' });
  expect(text()).toContain('Restored /backup/tsdb\n      to postgres@new/tsdb\n');
});

test('a progress line tells how far the checksums of a dump are', () => {
  const { renderer, text } = shownOn(true);
  renderer.show({ type: 'stage-started', stage: 'checksums' });
  renderer.show({ type: 'verify-planned', relations: 2, bytes: 4000 });
  const verified = { type: 'relation-verified', state: 'equal', sourceRows: 7, targetRows: 7 } as const;
  renderer.show({ ...verified, relation: 'public.t', sourceBytes: 1000 });
  expect(text()).toContain('  25 %, 1.0 kB of 4.0 kB, 7 rows summed up');
});

test('on no terminal, there is no progress line', () => {
  const { renderer, text } = shownOn(false);
  renderer.show({ type: 'verify-planned', relations: 1, bytes: 1000 });
  const verified = { type: 'relation-verified', state: 'equal', sourceRows: 7, targetRows: 7 } as const;
  renderer.show({ ...verified, relation: 'public.t', sourceBytes: 1000 });
  expect(text()).toBe('');
});
