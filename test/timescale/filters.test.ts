import { expect, test } from 'vitest';
import { mayBeOver } from '../../src/timescale/timescale.js';

const LONG = 'a name of more than thirty-nine bytes, as columns may have';

test.each([
  ['_ts_meta_v2_bloomh_state', 'state', true],
  ['_ts_meta_v2_bloomh_state', 'note', false],
  ['_ts_meta_v2_bloom1_a_b', 'a_b', true],
  ['_ts_meta_v2_bloom1_a_b', 'b', false],
  ['_ts_meta_v2_bloomh_0809_at_state', 'state', true],
  ['_ts_meta_v2_bloomh_0809_at_note', 'state', false],
  [`_ts_meta_v2_bloomh_0809_${LONG.slice(0, 39)}`, LONG, true],
  [`_ts_meta_v2_bloomh_0809_${LONG.slice(0, 39)}`, 'state', true],
])('%s may be over %s: %s', (filter, column, expected) => {
  expect(mayBeOver(filter, column, ['at', 'state', 'note', 'a_b', 'b', LONG])).toBe(expected);
});
