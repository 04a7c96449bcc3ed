import { checkKeyword, type Parameters, usage } from './libpq-parameters.js';

/**
 * Reads a connection URI or `name=value` pairs as libpq does.
 * Source: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
 *
 * @returns what the text gives, by libpq's keywords; no default is added
 * @throws HyperferryError `USAGE` that never holds the text, which may contain a password
 */
export function readConnectionText(text: string): Parameters {
  const uri = /^postgres(?:ql)?:\/\//.exec(text);
  return uri ? parseUri(text.slice(uri[0].length)) : parseKeywords(text);
}

/** `[user[:password]@][host][:port][,…][/dbname][?name=value[&…]]`, as `conninfo_uri_parse_options()` reads it. */
function parseUri(text: string): Parameters {
  const match = /^(?:([^@/]*)@)?([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(text);
  if (!match) throw usage('the connection URI is not of the form postgresql://user@host:port/database');
  const [, login = '', hostList = '', database, query] = match;
  // A password that is not encoded ends up in other parts, and those are shown.
  if (hostList.includes('@'))
    throw usage('a host cannot contain @; in a user name or a password, write it as %40');
  if (login === '' && database?.includes('@')) {
    throw usage(
      'the name of a database contains @ and there is no user; in a password, write / as %2F and @ as %40',
    );
  }
  const parameters: Record<string, string> = {};
  const [user, password] = splitOnce(login, ':');
  if (user) parameters.user = decode(user);
  if (password) parameters.password = decode(password);
  const hosts = hostList.split(',').map(splitHost);
  const hostText = hosts.map(({ host }) => host).join(',');
  const portText = hosts.map(({ port }) => port).join(',');
  if (hostText) parameters.host = decode(hostText);
  if (portText) parameters.port = decode(portText);
  if (database) parameters.dbname = decode(database);
  for (const pair of query ? query.replace(/&$/, '').split('&') : []) {
    const [name, value, rest] = pair.split('=');
    if (!name || value === undefined || rest !== undefined) {
      throw usage('a parameter after ? in the connection URI is not of the form name=value');
    }
    // As the JDBC driver writes it.
    if (name === 'ssl' && value === 'true') parameters.sslmode = 'require';
    else store(parameters, decode(name), decode(value));
  }
  return parameters;
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function splitHost(text: string): { host: string; port: string } {
  const match = /^(?:\[([^\]]+)\]|(?!\[)([^:]*))(?::(.*))?$/s.exec(text);
  if (!match) throw usage('a host in the connection URI is not valid; an IPv6 address stands in [brackets]');
  return { host: match[1] ?? match[2] ?? '', port: match[3] ?? '' };
}

function decode(text: string): string {
  if (text.includes('%00')) throw usage('the connection URI contains %00');
  try {
    return decodeURIComponent(text);
  } catch {
    throw usage('a % in the connection URI is not followed by two hexadecimal digits; write it as %25');
  }
}

/** A value with spaces stands in single quotes, `\` escapes: as `conninfo_parse()` reads it. */
function parseKeywords(text: string): Parameters {
  const parameters: Record<string, string> = {};
  const space = '[ \\t\\n\\v\\f\\r]*';
  const pair = new RegExp(
    `([^= \\t\\n\\v\\f\\r]+)${space}=${space}(?:'((?:[^'\\\\]|\\\\.)*)'|(?!')((?:[^ \\t\\n\\v\\f\\r\\\\]|\\\\.)*)\\\\?)${space}`,
    'sy',
  );
  pair.lastIndex = text.length - text.trimStart().length;
  while (pair.lastIndex < text.length) {
    const match = pair.exec(text);
    if (!match?.[1]) {
      throw usage('a connection is given as postgresql://user@host:port/database or as name=value pairs');
    }
    store(parameters, match[1], (match[2] ?? match[3] ?? '').replace(/\\(.)/gs, '$1'));
  }
  return parameters;
}

function store(parameters: Record<string, string>, keyword: string, value: string): void {
  // What sslmode was before PostgreSQL 8.1.
  if (keyword === 'requiressl') {
    parameters.sslmode = value.startsWith('1') ? 'require' : 'prefer';
    return;
  }
  checkKeyword(keyword);
  parameters[keyword] = value;
}
