import { expect, test } from 'vitest';
import { chooseSource } from '../../sandbox/programs/choose-source.js';

const fedora = {
  installed: undefined,
  unpacked: undefined,
  system: 'Fedora Linux 43',
  debianCodename: undefined,
};
const debian = { ...fedora, system: 'Debian GNU/Linux 12', debianCodename: 'bookworm' };

test('an installed PostgreSQL with TimescaleDB is used before the cache, and the cache before a download', () => {
  expect(chooseSource(17, { ...debian, installed: '/installed', unpacked: '/unpacked' })).toEqual({
    from: 'machine',
    bin: '/installed',
  });
  expect(chooseSource(17, { ...debian, unpacked: '/unpacked' })).toEqual({ from: 'cache', bin: '/unpacked' });
  expect(chooseSource(17, debian)).toEqual({ from: 'download', codename: 'bookworm' });
});

test('a machine that is no Debian uses what it has', () => {
  expect(chooseSource(18, { ...fedora, installed: '/usr/pgsql-18/bin' })).toEqual({
    from: 'machine',
    bin: '/usr/pgsql-18/bin',
  });
});

test('a machine that is no Debian and has nothing is told what it can do', () => {
  expect(() => chooseSource(18, fedora)).toThrow(
    expect.objectContaining({
      code: 'NO_PROGRAMS',
      message: expect.stringMatching(/PostgreSQL 18 with TimescaleDB.*Fedora Linux 43/),
      hint: expect.stringMatching(/Install PostgreSQL 18 with TimescaleDB, or set HYPERFERRY_COMMUNITY_BIN/),
    }),
  );
});
