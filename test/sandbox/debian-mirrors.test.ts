import { expect, test } from 'vitest';
import { rankMirrors } from '../../sandbox/programs/debian-mirrors.js';

const target = (uri: string, release: string, origin = '$(ORIGIN)') => ({ uri, release, origin });

test('the archive that signs as Debian comes first, without its security part', () => {
  const fetched = [
    target('http://security.example/debian-security/', 'bookworm-security', 'Debian'),
    target('http://vendor.example/apt/', 'bookworm', 'Vendor'),
    target('http://mirror.example/pub/', 'bookworm', 'Debian'),
    target('http://mirror.example/pub/', 'bookworm-updates', 'Debian'),
  ];
  expect(rankMirrors(fetched, [], 'bookworm')).toEqual(['http://mirror.example/pub/']);
});

test('before the first apt-get update, it is recognised by the suites it is asked for', () => {
  const configured = [
    target('http://vendor.example/postgres/', 'bookworm'),
    target('http://vendor.example/nodes/', 'nodistro'),
    target('http://mirror.example/debian/', 'bookworm'),
    target('http://mirror.example/debian/', 'bookworm-updates'),
    target('http://security.example/debian-security/', 'bookworm-security'),
  ];
  expect(rankMirrors([], configured, 'bookworm')).toEqual([
    'http://mirror.example/debian/',
    'http://vendor.example/postgres/',
  ]);
});
