import { expect, test } from 'vitest';
import { flatQuery } from '../../src/verify/flat-query.js';

test('conditions that are joined one after the other are one list', () => {
  expect(flatQuery(' WHERE (((a > 0) AND (b > 5)) AND (c >= d))')).toBe(
    ' WHERE ((a > 0) AND (b > 5) AND (c >= d))',
  );
  expect(flatQuery('((((a) OR (b)) OR (c)) OR (d))')).toBe('((a) OR (b) OR (c) OR (d))');
});

test('what means something else stays as it is', () => {
  for (const query of [
    '((a) AND ((b) AND (c)))',
    '(((a) OR (b)) AND (c))',
    '((((a) AND (b)) IS TRUE) AND (c))',
    "((a = '((x) AND (y)) AND (z)'::text) AND (b))",
    `((("((q" AND (b)) OR (c)) AND (d))`,
    'f(((a) AND (b)), ((c) AND (d)))',
  ]) {
    expect(flatQuery(query)).toBe(query);
  }
});
