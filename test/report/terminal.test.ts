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
