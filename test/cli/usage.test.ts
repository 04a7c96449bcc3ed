import { expect, test } from 'vitest';
import { hyperferry } from './command-line.js';

const SECRET = ['made', 'up', 'secret'].join('-');
const SOURCE = `postgresql://ann:${SECRET}@127.0.0.1:1/db`;

const WRONG: Record<string, { parameters: string[]; says: RegExp }> = {
  'no source': { parameters: ['migrate', '--target', SOURCE], says: /source.*\n.*--source postgresql:/ },
  'no target': { parameters: ['migrate', '--source', SOURCE], says: /target.*\n.*--target postgresql:/ },
  'an unknown flag': { parameters: ['migrate', '--sorce', SOURCE], says: /unknown option '--sorce'/ },
  'an unknown command': { parameters: ['migrat', '--source', SOURCE], says: /unknown command|migrat/ },
  'a stray word': {
    parameters: ['migrate', 'now', '--source', SOURCE, '--target', SOURCE],
    says: /too many arguments/,
  },
  'no jobs': {
    parameters: ['migrate', '--source', SOURCE, '--target', SOURCE, '--jobs', '0'],
    says: /whole number/,
  },
  'jobs that are no number': {
    parameters: ['migrate', '--source', SOURCE, '--target', SOURCE, '--jobs', 'all'],
    says: /--jobs.*all.*whole number/,
  },
  'half a job': {
    parameters: ['migrate', '--source', SOURCE, '--target', SOURCE, '-j', '1.5'],
    says: /whole number/,
  },
  'an unknown log format': {
    parameters: ['migrate', '--source', SOURCE, '--target', SOURCE, '--log-format', 'xml'],
    says: /xml.*text, json/,
  },
  'a database to restore from': {
    parameters: ['restore', '--from', SOURCE, '--target', SOURCE],
    says: /expected the folder or the file of a dump.*\n.*--out of hyperferry dump/,
  },
  'a database to look into': {
    parameters: ['inspect', SOURCE],
    says: /expected the folder or the file of a dump/,
  },
  'a database to look into, by its parts': {
    parameters: ['inspect', `host=127.0.0.1 password=${SECRET}`],
    says: /expected the folder or the file of a dump/,
  },
  'a plain dump that is compressed': {
    parameters: ['dump', '--source', SOURCE, '--out', 'never', '--format', 'plain', '--compress', 'zstd'],
    says: /expected no compression for the plain format.* zstd came\n.*--format archive/,
  },
  'a URL of something else': {
    parameters: ['migrate', '--source', `mysql://ann:${SECRET}@h/db`, '--target', SOURCE],
    says: /postgresql:\/\//,
  },
  'a URL that cannot be decoded': {
    parameters: ['migrate', '--source', `postgresql://ann:${SECRET}%zz@h/db`, '--target', SOURCE],
    says: /%25/,
  },
  'a URL with an unknown sslmode': {
    parameters: ['migrate', '--source', SOURCE, '--target', `${SOURCE}?sslmode=${SECRET}`],
    says: /sslmode must be one of/,
  },
};

for (const method of ['lz4:-1', 'zstd:-5', 'GZIP', 'gzip:3 ', 'gzip:', 'lz4:13']) {
  WRONG[`a compression by ${JSON.stringify(method)}`] = {
    parameters: ['dump', '--source', SOURCE, '--out', 'never', '--compress', method],
    says: /--compress.*Expected none, gzip, lz4 or zstd/,
  };
}

for (const [what, { parameters, says }] of Object.entries(WRONG)) {
  test(`${what} is a usage error: exit code 2, what was expected, and no password`, async () => {
    const { exitCode, stdout, stderr } = await hyperferry(parameters);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(/^error: /m);
    expect(stderr).toMatch(says);
    expect(stderr).not.toContain(SECRET);
    expect(stderr, 'no stack trace').not.toMatch(/^ +at /m);
  });
}

test('a usage error is one JSON line where JSON lines are asked for', async () => {
  const { exitCode, stderr } = await hyperferry(['migrate', '--target', SOURCE, '--log-format', 'json']);
  expect(exitCode).toBe(2);
  expect(JSON.parse(stderr)).toMatchObject({ level: 'error', type: 'failed', code: 'USAGE' });
});

test('help and version go to stdout, and exit with 0', async () => {
  const [help, ofMigrate, version] = await Promise.all([
    hyperferry(['--help']),
    hyperferry(['migrate', '--help']),
    hyperferry(['--version']),
  ]);
  expect(help).toMatchObject({ exitCode: 0, stderr: '', stdout: expect.stringContaining('migrate') });
  expect(version).toMatchObject({
    exitCode: 0,
    stderr: '',
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+$/),
  });
  for (const flag of [
    '--source',
    '--target',
    '--jobs',
    '--clean-target',
    '--yes',
    '--role-passwords',
    '--json',
  ]) {
    expect(ofMigrate.stdout).toContain(flag);
  }
});

test('no command at all prints how the command line is used, and exits with 2', async () => {
  const { exitCode, stdout, stderr } = await hyperferry([]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toContain('Usage: hyperferry');
});
