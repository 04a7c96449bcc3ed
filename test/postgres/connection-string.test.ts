import { describe, expect, test } from 'vitest';
import { describeConnection, parseConnection } from '../../src/postgres/connection-string.js';
import { HyperferryError } from '../../src/postgres/error.js';
import { libpqEnvironment } from '../../src/postgres/libpq-environment.js';

const parse = (text: string, environment: Record<string, string> = {}) => parseConnection(text, environment);

describe('a connection URI', () => {
  test('names user, password, host, port and database', () => {
    expect(parse('postgresql://ann:pw@db.example.com:6543/tsdb')).toMatchObject({
      user: 'ann',
      password: 'pw',
      hosts: [{ host: 'db.example.com', port: 6543 }],
      database: 'tsdb',
      sslMode: 'prefer',
    });
    expect(parse('postgres://ann@h/tsdb')).toMatchObject({
      password: undefined,
      hosts: [{ host: 'h', port: 5432 }],
    });
  });

  test('is decoded in each of its parts', () => {
    expect(parse('postgresql://a%40b:p%3Aw%2F%25%20@h/d%2Fb%20%22x%22?application_name=%26')).toMatchObject({
      user: 'a@b',
      password: 'p:w/% ',
      database: 'd/b "x"',
      parameters: { application_name: '&' },
    });
  });

  test('may hold a colon in the password, and an @ only when encoded', () => {
    expect(parse('postgresql://ann:a:b:c@h/d').password).toBe('a:b:c');
  });

  test('may name an IPv6 address', () => {
    const connection = parse('postgresql://ann@[2001:db8::1]:6543/d');
    expect(connection.hosts).toEqual([{ host: '2001:db8::1', port: 6543 }]);
    expect(describeConnection(connection)).toBe('ann@[2001:db8::1]:6543/d');
    expect(parse('postgresql://ann@[::1]/d').hosts).toEqual([{ host: '::1', port: 5432 }]);
  });

  test('may name several hosts, each with its port', () => {
    expect(parse('postgresql://ann@one:1,two,[::1]:3/d').hosts).toEqual([
      { host: 'one', port: 1 },
      { host: 'two', port: 5432 },
      { host: '::1', port: 3 },
    ]);
  });

  test('may name the folder of a socket', () => {
    expect(parse('postgresql://ann@%2Fvar%2Frun%2Fpostgresql/d').hosts[0]?.host).toBe('/var/run/postgresql');
    expect(parse('postgresql:///d?host=/tmp/sockets&port=6000').hosts).toEqual([
      { host: '/tmp/sockets', port: 6000 },
    ]);
  });

  test('takes parameters after the question mark', () => {
    const connection = parse('postgresql://h/d?user=ann&password=p%26w&sslmode=require&connect_timeout=3');
    expect(connection).toMatchObject({
      user: 'ann',
      password: 'p&w',
      sslMode: 'require',
      connectTimeout: 3000,
    });
  });
});

describe('name=value pairs', () => {
  test('are read as libpq reads them', () => {
    expect(parse(`host=h port=6543 user=ann  dbname = 'my db' password='it\\'s \\\\ here'`)).toMatchObject({
      hosts: [{ host: 'h', port: 6543 }],
      user: 'ann',
      database: 'my db',
      password: `it's \\ here`,
    });
    expect(parse('user=ann host=one,two port=1,2').hosts).toEqual([
      { host: 'one', port: 1 },
      { host: 'two', port: 2 },
    ]);
    expect(parse(`user=ann password='' host=h`).password).toBe('');
  });
});

describe('what a connection string leaves out', () => {
  const environment = {
    PGHOST: '/tmp/sockets',
    PGPORT: '6543',
    PGUSER: 'eve',
    PGPASSWORD: 'from-outside',
    PGDATABASE: 'home',
    PGSSLMODE: 'disable',
    PGCONNECT_TIMEOUT: '7',
  };

  test('comes from the environment', () => {
    expect(parse('postgresql://', environment)).toMatchObject({
      hosts: [{ host: '/tmp/sockets', port: 6543 }],
      user: 'eve',
      password: 'from-outside',
      database: 'home',
      sslMode: 'disable',
      connectTimeout: 7000,
    });
  });

  test('does not, where the string says it', () => {
    const text = 'postgresql://ann:pw@h:1/d?sslmode=require&connect_timeout=2';
    expect(parse(text, environment)).toEqual(parse(text));
  });

  test('is the user for the database, and port 5432 of localhost', () => {
    expect(parse('user=ann')).toMatchObject({ database: 'ann', hosts: [{ host: 'localhost', port: 5432 }] });
  });
});

describe('the environment of a client program', () => {
  test('leads it to the same place, and holds the password that no argument holds', () => {
    const connection = parse(
      'postgresql://ann:pw@one:1,[::1]:2/d?sslmode=verify-ca&sslrootcert=/ca.pem&options=-cx%3D1',
    );
    expect(libpqEnvironment(connection)).toMatchObject({
      PGHOST: 'one,::1',
      PGPORT: '1,2',
      PGUSER: 'ann',
      PGDATABASE: 'd',
      PGPASSWORD: 'pw',
      PGSSLMODE: 'verify-ca',
      PGSSLROOTCERT: '/ca.pem',
      PGOPTIONS: '-cx=1',
    });
  });
});

describe('what is no connection string', () => {
  const secret = ['made', 'up', 'secret'].join('-');
  const wrong = [
    secret,
    `mysql://ann:${secret}@h/d`,
    `postgresql://ann:${secret}%zz@h/d`,
    `postgresql://ann:${secret}@h:port/d`,
    `postgresql://ann:${secret}@h:1:2/d`,
    `postgresql://ann:${secret}@::1/d`,
    `postgresql://ann:${secret}@h/d?sslmode=${secret}`,
    `postgresql://ann:${secret}@h/d?${secret}`,
    `postgresql://ann:${secret}@one,two,three/d?port=1,2`,
    `postgresql://ann:${secret}@h/d?connect_timeout=soon`,
    `postgresql://ann:${secret}@h:99999/d`,
    `host=h password=${secret} stray`,
    `host=h password='${secret}`,
    `password=${secret} port=many`,
  ];
  for (const [number, text] of wrong.entries()) {
    test(`is a usage error that does not repeat the text (${number + 1}: ${text.replaceAll(secret, '…')})`, () => {
      let thrown: unknown;
      try {
        parse(text);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(HyperferryError);
      expect(thrown).toMatchObject({ code: 'USAGE', hint: expect.stringContaining('postgresql://') });
      const { message, stack = '', cause } = thrown as Error;
      expect(`${message}${stack}${JSON.stringify(thrown)}${String(cause)}`).not.toContain(secret);
    });
  }
});
