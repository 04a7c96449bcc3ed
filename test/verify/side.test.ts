import { expect, test } from 'vitest';
import { parseConnection } from '../../src/postgres/connection-string.js';
import { Session } from '../../src/postgres/session.js';
import { withComparingSession } from '../../src/verify/side.js';
import { apachePair } from '../integration/servers.js';

test('a comparison that is aborted while its session is opened reads nothing', async () => {
  const { source } = await apachePair();
  const abort = new AbortController();
  const access = {
    side: 'source' as const,
    snapshot: undefined,
    open: async () => {
      const session = await Session.open('source', parseConnection(source.url));
      abort.abort();
      return session;
    },
  };
  let reads = 0;
  const reading = withComparingSession(access, abort.signal, async () => reads++);
  await expect(reading).rejects.toThrow(/abort/);
  expect(reads).toBe(0);
});
