import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { CopyOut } from '../../src/postgres/copy-out.js';
import { databaseError } from '../../src/postgres/database-error.js';
import { HyperferryError } from '../../src/postgres/error.js';
import type { Session } from '../../src/postgres/session.js';
import { query, queryValue } from '../integration/sql.js';
import { relayCopy } from './relay-one.js';
import { openSessions } from './sessions.js';

const IN_FORM = { text: '(FORMAT text)', binary: '(FORMAT binary)' };

for (const [form, options] of Object.entries(IN_FORM)) {
  test(`a row that the target refuses ends both sides of a ${form} copy, and nothing is committed`, async () => {
    const { source, target, urls } = await openSessions(
      `relay_check_${form}`,
      'SELECT',
      'CREATE TABLE public.t (id int CHECK (id <> 50000), pad text)',
    );
    const error = await endOf(
      target.transaction(() =>
        relayCopy(
          source,
          `COPY (SELECT n, repeat('x', 500) FROM generate_series(1, 1000000) AS n) TO STDOUT ${options}`,
          target,
          `COPY public.t FROM STDIN ${options}`,
        ),
      ),
    );
    expect(databaseError(error)).toMatchObject({ code: '23514' });
    expect(await queryValue(urls.target, 'SELECT count(*) FROM t')).toBe('0');
    await expectGone(source);
    await expectUsableOrGone(target);
  });

  test(`a source that fails in the middle of a ${form} copy leaves two sessions that work, and no rows`, async () => {
    const { source, target } = await openSessions(
      `relay_division_${form}`,
      'SELECT',
      'CREATE TABLE public.t (id int, pad text)',
    );
    const error = await endOf(
      target.transaction(() =>
        relayCopy(
          source,
          `COPY (SELECT 1 / (50000 - n), repeat('x', 500) FROM generate_series(1, 100000) AS n) TO STDOUT ${options}`,
          target,
          `COPY public.t FROM STDIN ${options}`,
        ),
      ),
    );
    expect(databaseError(error)).toMatchObject({ code: '22012' });
    expect(await target.one('SELECT count(*)::int AS rows FROM public.t')).toEqual({ rows: 0 });
    expect(await source.one('SELECT 1 AS one')).toEqual({ one: 1 });
  });
}

test('a COPY that the target refuses at once leaves a target that works', async () => {
  const { source, target } = await openSessions('relay_refused_in', 'CREATE TABLE t (id int)');
  const error = await failureOf(
    relayCopy(source, 'COPY public.t TO STDOUT', target, 'COPY public.missing FROM STDIN'),
  );
  expect(databaseError(error)).toMatchObject({ code: '42P01' });
  await expectUsableOrGone(source);
  expect(await target.one('SELECT 1 AS one')).toEqual({ one: 1 });
});

test('a COPY that the source refuses at once leaves two sessions that work', async () => {
  const { source, target } = await openSessions('relay_refused', 'SELECT', 'CREATE TABLE public.t (id int)');
  const error = await failureOf(
    relayCopy(source, 'COPY public.missing TO STDOUT', target, 'COPY public.t FROM STDIN'),
  );
  expect(databaseError(error)).toMatchObject({ code: '42P01' });
  for (const session of [source, target]) expect(await session.one('SELECT 1 AS one')).toEqual({ one: 1 });
});

test('a COPY that both sides refuse at once ends with an error', async () => {
  const { source, target } = await openSessions('relay_refused_both', 'SELECT');
  const error = await failureOf(
    relayCopy(source, 'COPY public.missing TO STDOUT', target, 'COPY public.missing FROM STDIN'),
  );
  expect(databaseError(error)).toMatchObject({ code: '42P01' });
  await expectUsableOrGone(source);
  expect(await target.one('SELECT 1 AS one')).toEqual({ one: 1 });
});

for (const side of ['source', 'target'] as const) {
  test(`a ${side} whose server ends the session in mid-copy ends the relay with an error`, async () => {
    const { source, target, urls } = await openSessions(
      `relay_terminated_${side}`,
      'SELECT',
      'CREATE TABLE public.t (id int, pad text)',
    );
    const error = await failureDuring(source, target, () =>
      query(
        urls[side],
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'hyperferry'`,
      ),
    );
    expect(error).toBeInstanceOf(Error);
    expect(await queryValue(urls.target, 'SELECT count(*) FROM t')).toBe('0');
  });

  test(`a ${side} session that is destroyed in mid-copy ends the relay with an error`, async () => {
    const { source, target, urls } = await openSessions(
      `relay_destroyed_${side}`,
      'SELECT',
      'CREATE TABLE public.t (id int, pad text)',
    );
    const sessions = { source, target };
    const error = await failureDuring(source, target, async () => sessions[side].destroy());
    expect(error).toBeInstanceOf(Error);
    expect(await queryValue(urls.target, 'SELECT count(*) FROM t')).toBe('0');
  });
}

test('a receiver that is full when the source has sent all, and never drains, holds the source up no more', async () => {
  const { source } = await openSessions('relay_full_at_end', 'CREATE TABLE t AS SELECT 1 AS id');
  const written: number[] = [];
  const output = new CopyOut({ copies: ['COPY public.t TO STDOUT'] }, source, {
    takesMessages: true,
    write: (bytes) => {
      written.push(bytes.length);
      return false;
    },
    whenDrained: () => {},
    cork: () => {},
    uncork: () => {},
  });
  source.submit(output);
  expect(await output.finished).toEqual([1]);
  expect(written).toHaveLength(1);
  const next = await Promise.race([source.one('SELECT 1 AS one'), sleep(10_000, 'no answer after 10 s')]);
  expect(next).toEqual({ one: 1 });
});

/** Lets a copy without an end begin, disturbs it, and gives the error that it ends with. */
async function failureDuring(
  source: Session,
  target: Session,
  disturb: () => Promise<unknown>,
): Promise<unknown> {
  const copying = relayCopy(
    source,
    `COPY (SELECT n, repeat('x', 500) FROM generate_series(1, 2000000000) AS n) TO STDOUT`,
    target,
    'COPY public.t FROM STDIN',
  );
  copying.catch(() => undefined); // seen below
  await sleep(300);
  await disturb();
  return endOf(copying);
}

/** The error that the work ends with; it must end soon. */
async function endOf(work: Promise<unknown>): Promise<unknown> {
  return Promise.race([failureOf(work), sleep(30_000, 'it goes on after 30 s', { ref: false })]);
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'it succeeded',
    (error: unknown) => error,
  );
}

async function expectGone(session: Session): Promise<void> {
  const error = await failureOf(session.query('SELECT 1'));
  expect(error).toBeInstanceOf(HyperferryError);
  expect(error).toMatchObject({ code: 'CONNECTION_LOST' });
}

/** A session that got part of a row cannot be told to roll back: it is gone then. So is one whose rows nobody takes. */
async function expectUsableOrGone(session: Session): Promise<void> {
  const end = await Promise.race([session.query('SELECT 1 AS one'), sleep(20_000)]).catch((error) => error);
  if (end instanceof HyperferryError) expect(end.code).toBe('CONNECTION_LOST');
  else expect(end).toEqual([{ one: 1 }]);
}
