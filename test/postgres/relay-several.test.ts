import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { databaseError } from '../../src/postgres/database-error.js';
import { HyperferryError } from '../../src/postgres/error.js';
import { type Relayed, relayCopies } from '../../src/postgres/relay.js';
import type { Session } from '../../src/postgres/session.js';
import { queryValue } from '../integration/sql.js';
import { relayCopy } from './relay-one.js';
import { openSessions } from './sessions.js';

const THREE =
  'CREATE TABLE public.a (id int); CREATE TABLE public.b (id int CHECK (id <> 50000), pad text); CREATE TABLE public.c (id int);';
const INTO_THREE = ['COPY public.a FROM STDIN', 'COPY public.b FROM STDIN', 'COPY public.c FROM STDIN'];

test('several relations go in one message to each side, each with its counts', async () => {
  const tables = `
    CREATE TABLE public.small (id int, note text); CREATE TABLE public.none (id int); CREATE TABLE public.bare ();
    CREATE TABLE public.large (id int, pad text); CREATE TABLE public.last (id int);`;
  const { source, target } = await openSessions(
    'relay_several',
    `${tables}
     INSERT INTO public.small SELECT n, 'note ' || n FROM generate_series(1, 7) AS n;
     INSERT INTO public.bare DEFAULT VALUES; INSERT INTO public.bare DEFAULT VALUES;
     INSERT INTO public.large SELECT n, repeat(md5(n::text), 20) FROM generate_series(1, 40000) AS n;
     INSERT INTO public.last VALUES (1), (2), (3);`,
    `${tables} INSERT INTO public.small VALUES (0, 'old')`,
  );
  const names = ['small', 'none', 'bare', 'large', 'last'];
  const alone = [];
  for (const name of names) {
    alone.push(
      await relayCopy(source, `COPY public.${name} TO STDOUT`, target, `COPY public.${name} FROM STDIN`),
    );
    await target.query(`TRUNCATE public.${name}`);
  }

  await Promise.all([source.query('BEGIN'), target.query('BEGIN')]);
  const relayed = await relayCopies(
    source,
    { copies: names.map((name) => `COPY public.${name} TO STDOUT`), after: ['COMMIT'] },
    target,
    {
      before: ["SELECT set_config('search_path', 'public', true)"],
      copies: names.map((name) => `TRUNCATE ONLY public.${name}; COPY ${name} FROM STDIN (FREEZE)`),
      after: ["SET LOCAL search_path = ''"],
    },
  );
  expect(relayed).toEqual({ state: 'copied', copies: alone });
  expect(alone.map(({ sent, received }) => [sent, received])).toEqual(
    [7, 0, 2, 40_000, 3].map((rows) => [rows, rows]),
  );
  expect(await target.one('SHOW search_path')).toEqual({ search_path: '""' });
  await target.query('COMMIT');
  for (const name of names) {
    const digest = `SELECT count(*), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM public.${name} AS t`;
    expect(await target.one(digest), name).toEqual(await source.one(digest));
  }
});

for (const format of ['text', 'binary']) {
  test(`hundreds of relations of every size are told apart, in ${format}`, async () => {
    const { source, target } = await openSessions(
      `relay_hundreds_${format}`,
      'SELECT',
      'CREATE TABLE public.t (relation int, n int, pad text)',
    );
    const rows = Array.from({ length: 400 }, (_, index) => (index * 37) % 101);
    const relayed = await relayCopies(
      source,
      {
        copies: rows.map(
          (count, index) =>
            `COPY (SELECT ${index}, n, repeat('x', (n * 7919 + ${index}) % 700) FROM generate_series(1, ${count}) AS n)
             TO STDOUT (FORMAT ${format})`,
        ),
      },
      target,
      { copies: rows.map(() => `COPY public.t FROM STDIN (FORMAT ${format})`) },
    );
    expect(relayed).toMatchObject({
      state: 'copied',
      copies: rows.map((count) => ({ sent: count, received: count })),
    });
    expect(
      await target.one(`SELECT count(*)::int AS rows,
        count(*) FILTER (WHERE pad = repeat('x', (n * 7919 + relation) % 700))::int AS right FROM public.t`),
    ).toEqual({
      rows: rows.reduce((sum, count) => sum + count),
      right: rows.reduce((sum, count) => sum + count),
    });
  });
}

test('rows that the target refuses in the second relation are said to be its', async () => {
  const { source, target, urls } = await openSessions('relay_second_check', 'SELECT', THREE);
  const relayed = await ended(
    relayCopies(
      source,
      {
        copies: [
          'COPY (SELECT 1) TO STDOUT',
          "COPY (SELECT n, repeat('x', 500) FROM generate_series(1, 1000000) AS n) TO STDOUT",
          'COPY (SELECT 3) TO STDOUT',
        ],
      },
      target,
      { copies: INTO_THREE },
    ),
  );
  expectFailure(relayed, '23514', 1);
  await expectUsableOrGone(source);
  await expectUsableOrGone(target);
  expect(await queryValue(urls.target, 'SELECT count(*) FROM a')).toBe('0');
});

const FAILING_ON_THE_SOURCE = {
  'in mid-way': ["COPY (SELECT 1 / (500 - n), '' FROM generate_series(1, 1000) AS n) TO STDOUT", '22012'],
  'at its first row': ["COPY (SELECT 1 / (1 - n), '' FROM generate_series(1, 1000) AS n) TO STDOUT", '22012'],
  'before its rows': ['COPY public.missing TO STDOUT', '42P01'],
} as const;

for (const [when, [failing, code]] of Object.entries(FAILING_ON_THE_SOURCE)) {
  test(`a second relation that fails on the source ${when} leaves two sessions that work, and no rows`, async () => {
    const { source, target } = await openSessions(
      `relay_second_${when}`.replaceAll(/\W/g, '_'),
      'SELECT',
      THREE,
    );
    const relayed = await ended(
      relayCopies(
        source,
        { copies: ['COPY (SELECT 1) TO STDOUT', failing, 'COPY (SELECT 3) TO STDOUT'] },
        target,
        { copies: INTO_THREE },
      ),
    );
    expectFailure(relayed, code, 1);
    expect(await source.one('SELECT 1 AS one')).toEqual({ one: 1 });
    expect(await target.one('SELECT count(*)::int AS rows FROM public.a')).toEqual({ rows: 0 });
  });
}

test('a source that fails behind its last row leaves no rows, though the target is in no transaction', async () => {
  const { source, target } = await openSessions('relay_source_end', 'SELECT', THREE);
  const relayed = await ended(
    relayCopies(source, { copies: ['COPY (SELECT 1) TO STDOUT'], after: ['SELECT 1 / 0'] }, target, {
      copies: ['COPY public.a FROM STDIN'],
    }),
  );
  expectFailure(relayed, '22012', undefined);
  expect(await source.one('SELECT 1 AS one')).toEqual({ one: 1 });
  expect(await target.one('SELECT count(*)::int AS rows FROM public.a')).toEqual({ rows: 0 });
});

const AROUND = { before: { before: ['SELECT 1', 'SELECT 1 / 0'] }, behind: { after: ['SELECT 1 / 0'] } };

for (const [where, statements] of Object.entries(AROUND)) {
  test(`a statement that the target refuses ${where} the rows is not taken for a relation`, async () => {
    const { source, target } = await openSessions(`relay_${where}`, 'SELECT', THREE);
    const relayed = await ended(
      relayCopies(source, { copies: ['COPY (SELECT 1) TO STDOUT'] }, target, {
        copies: ['COPY public.a FROM STDIN'],
        ...statements,
      }),
    );
    expectFailure(relayed, '22012', undefined);
    await expectUsableOrGone(source);
    expect(await target.one('SELECT count(*)::int AS rows FROM public.a')).toEqual({ rows: 0 });
  });
}

test('a relation whose TRUNCATE the target refuses is named, and an endless source is stopped', async () => {
  const { source, target } = await openSessions('relay_truncate', 'SELECT', THREE);
  const relayed = await ended(
    relayCopies(
      source,
      {
        copies: ['COPY (SELECT 1) TO STDOUT', 'COPY (SELECT generate_series(1, 2000000000)) TO STDOUT'],
      },
      target,
      {
        copies: ['COPY public.a FROM STDIN', 'TRUNCATE ONLY public.missing; COPY public.missing FROM STDIN'],
      },
    ),
  );
  expectFailure(relayed, '42P01', 1);
  await expectUsableOrGone(target);
});

for (const side of ['source', 'target'] as const) {
  test(`a ${side} that has fewer COPYs than the other ends the relay with an error`, async () => {
    const { source, target, urls } = await openSessions(`relay_fewer_${side}`, 'SELECT', THREE);
    const fewer = (of: 'source' | 'target'): string => (of === side ? 'SELECT 1' : '');
    const relayed = await ended(
      relayCopies(
        source,
        { copies: ['COPY (SELECT 1) TO STDOUT', fewer('source') || 'COPY (SELECT 2) TO STDOUT'] },
        target,
        { copies: ['COPY public.a FROM STDIN', fewer('target') || 'COPY public.c FROM STDIN'] },
      ),
    );
    expect(relayed.state === 'failed' && relayed.error).toMatchObject({ code: 'INTERNAL' });
    expect(await queryValue(urls.target, 'SELECT count(*) FROM c')).toBe('0');
  });
}

/** It must end soon. */
async function ended(relayed: Promise<Relayed>): Promise<Relayed> {
  return Promise.race([
    relayed,
    sleep(30_000, undefined, { ref: false }).then(() => Promise.reject(new Error('it goes on after 30 s'))),
  ]);
}

function expectFailure(relayed: Relayed, code: string, copy: number | undefined): void {
  expect(relayed).toMatchObject({ state: 'failed', copy });
  expect(databaseError(relayed.state === 'failed' && relayed.error)).toMatchObject({ code });
}

/** A source whose rows nobody takes is disconnected, and so is a target that got a part of a message. */
async function expectUsableOrGone(session: Session): Promise<void> {
  const end = await Promise.race([session.query('SELECT 1 AS one'), sleep(20_000)]).catch((error) => error);
  if (end instanceof HyperferryError) expect(end.code).toBe('CONNECTION_LOST');
  else expect(end).toEqual([{ one: 1 }]);
}
