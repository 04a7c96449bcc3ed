import { expect, test } from 'vitest';
import type { Session } from '../../src/postgres/session.js';
import { relayCopy } from './relay-one.js';
import { openSessions } from './sessions.js';

const TABLE = 'CREATE TABLE public.t (id int, bytes bytea, note text)';

/** Rows of every size up to 200 kB in odd steps, incompressible, with values that text COPY must escape. */
const ROWS_OF_EVERY_SIZE = `
${TABLE};
ALTER TABLE public.t ALTER COLUMN bytes SET STORAGE EXTERNAL;
INSERT INTO public.t
SELECT n, decode(substr(repeat(md5(n::text), 1 + n * n * 31 / 16), 1, 2 * ((n * n * 31) % 200000)), 'hex'),
       CASE n % 4 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN E'\\\\.\\n\\t\\\\N' ELSE repeat(chr(228), n) END
FROM generate_series(0, 160) AS n;`;

for (const format of ['text', 'binary']) {
  test(`rows of every size up to 200 kB arrive as they were sent, in ${format}`, async () => {
    const { source, target } = await openSessions(`relay_sizes_${format}`, ROWS_OF_EVERY_SIZE, TABLE);
    const copied = await relayCopy(
      source,
      `COPY public.t TO STDOUT (FORMAT ${format})`,
      target,
      `COPY public.t FROM STDIN (FORMAT ${format})`,
    );
    expect(copied).toMatchObject({ sent: 161, received: 161 });
    expect(await digestOf(target)).toBe(await digestOf(source));
    expect(copied.bytes).toBeGreaterThan(await bytesOf(source));
    await expectUsable(source);
    await expectUsable(target);
  });
}

test('many small rows arrive, in whatever pieces the network cuts them', async () => {
  const rows = `${TABLE}; INSERT INTO public.t SELECT n, decode(md5(n::text), 'hex'), left(md5(n::text), n % 33)
                FROM generate_series(1, 200000) AS n`;
  const { source, target } = await openSessions('relay_many', rows, TABLE);
  const copied = await relayCopy(
    source,
    'COPY public.t TO STDOUT (FORMAT binary)',
    target,
    'COPY public.t FROM STDIN (FORMAT binary)',
  );
  expect(copied).toMatchObject({ sent: 200_000, received: 200_000 });
  expect(await digestOf(target)).toBe(await digestOf(source));
});

test('a row of 100 MB goes through without being held in memory', async () => {
  const row = `${TABLE}; ALTER TABLE public.t ALTER COLUMN bytes SET STORAGE EXTERNAL;
               INSERT INTO public.t VALUES (1, convert_to(repeat('0123456789', 10000000), 'UTF8'), '')`;
  const { source, target } = await openSessions('relay_large', row, TABLE);
  // Other tests have left buffers in this process.
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }, 5);
  const copied = await relayCopy(
    source,
    'COPY public.t TO STDOUT (FORMAT binary)',
    target,
    'COPY public.t FROM STDIN (FORMAT binary)',
  );
  clearInterval(timer);
  expect(copied.received).toBe(1);
  expect(await digestOf(target)).toBe(await digestOf(source));
  expect(most, 'bytes in buffers at most').toBeLessThan(50_000_000);
});

test('no rows, and rows without columns, are carried too', async () => {
  const { source, target } = await openSessions(
    'relay_none',
    `${TABLE}; CREATE TABLE public.bare (); INSERT INTO public.bare DEFAULT VALUES; INSERT INTO public.bare DEFAULT VALUES`,
    `${TABLE}; CREATE TABLE public.bare ()`,
  );
  for (const format of ['text', 'binary']) {
    const options = `(FORMAT ${format})`;
    expect(
      await relayCopy(
        source,
        `COPY public.t TO STDOUT ${options}`,
        target,
        `COPY public.t FROM STDIN ${options}`,
      ),
    ).toMatchObject({ sent: 0, received: 0 });
    expect(
      await relayCopy(
        source,
        `COPY public.bare TO STDOUT ${options}`,
        target,
        `COPY public.bare FROM STDIN ${options}`,
      ),
    ).toMatchObject({ sent: 2, received: 2 });
  }
});

test('what the source says between rows does not get among the rows', async () => {
  const { source, target } = await openSessions(
    'relay_warnings',
    `CREATE FUNCTION public.loud(a int) RETURNS int LANGUAGE plpgsql AS
       $$ BEGIN RAISE WARNING 'row %', a; RETURN a; END $$`,
    TABLE,
  );
  const copied = await relayCopy(
    source,
    'COPY (SELECT public.loud(n) FROM generate_series(1, 2000) AS n) TO STDOUT',
    target,
    'COPY public.t (id) FROM STDIN',
  );
  expect(copied).toMatchObject({ sent: 2000, received: 2000 });
  expect(await target.one('SELECT sum(id)::int AS sum FROM public.t')).toEqual({ sum: 2_001_000 });
});

test('what the target says between rows does not hold up the rows', async () => {
  const { source, target } = await openSessions(
    'relay_target_warnings',
    'SELECT',
    `${TABLE};
     CREATE FUNCTION public.loud() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE WARNING 'row % %', NEW.id, repeat('x', 1000); RETURN NEW; END $$;
     CREATE TRIGGER loud BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.loud()`,
  );
  const copied = await relayCopy(
    source,
    'COPY (SELECT n FROM generate_series(1, 20000) AS n) TO STDOUT',
    target,
    'COPY public.t (id) FROM STDIN',
  );
  expect(copied).toMatchObject({ sent: 20_000, received: 20_000 });
});

test('rows that a trigger of the target skips are counted', async () => {
  const { source, target } = await openSessions(
    'relay_skipped',
    'SELECT',
    `${TABLE};
     CREATE FUNCTION public.odd() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RETURN CASE WHEN NEW.id % 2 = 1 THEN NEW END; END $$;
     CREATE TRIGGER odd BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.odd()`,
  );
  const copied = await relayCopy(
    source,
    'COPY (SELECT n FROM generate_series(1, 9) AS n) TO STDOUT',
    target,
    'COPY public.t (id) FROM STDIN',
  );
  expect(copied).toMatchObject({ sent: 9, received: 5 });
});

async function digestOf(session: Session): Promise<string> {
  const { digest } = await session.one<{ digest: string }>(
    `SELECT md5(string_agg(id || ' ' || md5(bytes) || ' ' || COALESCE(md5(note), 'NULL'), ',' ORDER BY id)) AS digest
     FROM public.t`,
  );
  return digest;
}

async function bytesOf(session: Session): Promise<number> {
  const { bytes } = await session.one<{ bytes: string }>('SELECT sum(length(bytes)) AS bytes FROM public.t');
  return Number(bytes);
}

async function expectUsable(session: Session): Promise<void> {
  expect(await session.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
}
