import { describe, expect, test } from 'vitest';
import {
  describeConnection,
  isOnThisMachine,
  parseConnection,
  publicConnectionString,
} from '../../src/postgres/connection-string.js';
import { HyperferryError } from '../../src/postgres/error.js';

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

  test('with a password that is not encoded is refused, and nothing of it is shown', () => {
    for (const text of [
      'postgresql://ann:s3@cret@h/d',
      'postgresql://ann:s3/cret@h:1/d',
      'postgres://ann:@cret@h',
    ]) {
      let message = 'it was taken';
      try {
        parse(text);
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message, text).toMatch(/%40|%2F/);
      expect(message, text).not.toMatch(/s3|cret/);
    }
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

  test('is the user for the database, port 5432, and localhost where the usual folder has no socket', () => {
    expect(parse('user=ann')).toMatchObject({ database: 'ann', hosts: [{ port: 5432 }] });
    expect(parse('user=ann port=1').hosts).toEqual([{ host: 'localhost', port: 1 }]);
  });

  test('comes from every variable that libpq reads for a parameter that is honoured', () => {
    const variables = {
      PGHOSTADDR: '127.0.0.1',
      PGPASSFILE: '/passwords',
      PGSSLROOTCERT: '/root.crt',
      PGSSLCERT: '/client.crt',
      PGSSLKEY: '/client.key',
      PGSSLCRL: '/revoked.crl',
      PGSSLMINPROTOCOLVERSION: 'TLSv1.3',
      PGSSLMAXPROTOCOLVERSION: 'TLSv1.3',
      PGTARGETSESSIONATTRS: 'primary',
      PGOPTIONS: '-c geqo=off',
      PGCHANNELBINDING: 'require',
      PGREQUIREAUTH: 'scram-sha-256',
      PGGSSENCMODE: 'disable',
    };
    const connection = parse('host=db user=ann', variables);
    expect(connection.hosts).toEqual([{ host: 'db', hostaddr: '127.0.0.1', port: 5432 }]);
    expect(Object.values(connection.parameters)).toEqual(expect.arrayContaining(Object.values(variables)));
    for (const wrong of [
      'PGSSLMODE',
      'PGTARGETSESSIONATTRS',
      'PGCONNECT_TIMEOUT',
      'PGREQUIREAUTH',
      'PGPORT',
    ]) {
      expect(() => parse('host=db', { [wrong]: 'wrong' }), wrong).toThrow(HyperferryError);
    }
  });
});

describe('several hosts', () => {
  test('have a port and an address each, or one port for all', () => {
    expect(parse('host=one,two port=1').hosts.map(({ port }) => port)).toEqual([1, 1]);
    expect(parse('host=one,two port=1,').hosts.map(({ port }) => port)).toEqual([1, 5432]);
    expect(parse('host=one,two hostaddr=127.0.0.1,').hosts).toEqual([
      { host: 'one', hostaddr: '127.0.0.1', port: 5432 },
      { host: 'two', port: 5432 },
    ]);
    for (const text of [
      'host=one,two port=1,2,3',
      'host=one hostaddr=127.0.0.1,127.0.0.2',
      'host=one port=1,2',
      'hostaddr=localhost',
    ]) {
      expect(() => parse(text), text).toThrow(HyperferryError);
    }
  });

  test('are on this machine by their addresses, where these are given', () => {
    expect(isOnThisMachine(parse('host=localhost hostaddr=192.0.2.1'))).toBe(false);
    expect(isOnThisMachine(parse('host=db.example.com hostaddr=127.0.0.1'))).toBe(true);
    expect(isOnThisMachine(parse('host=/tmp/sockets,::1'))).toBe(true);
  });
});

describe('a parameter', () => {
  test('that libpq does not know is named, and its value is not', () => {
    const secret = ['made', 'up', 'secret'].join('-');
    for (const text of [`postgresql://h/d?pasword=${secret}`, `host=h pasword=${secret}`]) {
      expect(() => parse(text)).toThrow(/^invalid connection option "pasword"$/);
    }
  });

  test('that could not be honoured is refused', () => {
    for (const text of [
      ...['gssencmode=require', 'krbsrvname=x', 'gsslib=gssapi', 'gssdelegation=1', 'replication=database'],
      ...['requirepeer=postgres', 'sslcertmode=require', 'sslkeylogfile=/keys', 'load_balance_hosts=random'],
      ...['min_protocol_version=3.2', 'oauth_issuer=x', 'scram_client_key=x', 'require_auth=magic'],
      ...['require_auth=md5,!password', 'require_auth=md5,md5', 'host=@abstract', `sslpassword='x '`],
    ]) {
      expect(() => parse(text), text).toThrow(expect.objectContaining({ code: 'USAGE' }));
    }
  });

  test('that changes nothing here is taken', () => {
    for (const text of [
      ...['keepalives=0 keepalives_idle=5 keepalives_interval=5 keepalives_count=5', 'tcp_user_timeout=1000'],
      ...[
        'client_encoding=auto',
        'fallback_application_name=x',
        'sslsni=0',
        'sslcompression=1',
        'replication=false',
      ],
      ...['gssencmode=prefer', 'gssdelegation=0', 'max_protocol_version=latest', 'requiressl=0'],
    ]) {
      expect(parse(text)).toMatchObject({ database: expect.any(String) });
    }
  });
});

describe('the connection string for others', () => {
  test('leads to the same place by the same precautions, without a secret or a file', () => {
    const secret = ['made', 'up', 'secret'].join('-');
    const text = `host=one,two hostaddr=127.0.0.1, port=1,2 user='o\\'ann' dbname='a\\\\b' sslmode=verify-full sslrootcert=system
      channel_binding=require require_auth=scram-sha-256 target_session_attrs=primary ssl_min_protocol_version=TLSv1.3
      password=${secret} sslpassword=${secret} sslkey=/client.key passfile=/passwords`;
    const connection = parse(text);
    const shared = publicConnectionString(connection);
    expect(shared).not.toMatch(new RegExp(`${secret}|/client.key|/passwords`));
    const { sslpassword, sslkey, passfile, ...parameters } = connection.parameters;
    expect({ sslpassword, sslkey, passfile }).toEqual({
      sslpassword: secret,
      sslkey: '/client.key',
      passfile: '/passwords',
    });
    expect(parse(shared)).toEqual({ ...connection, password: undefined, parameters });
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
