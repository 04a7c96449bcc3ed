import { HyperferryError } from './error.js';
import { type Parameters, usage } from './libpq-parameters.js';

/** Values that libpq takes; an empty one is as wrong as any other. */
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  sslmode: ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'],
  sslnegotiation: ['postgres', 'direct'],
  sslcertmode: ['disable', 'allow', 'require'],
  channel_binding: ['disable', 'prefer', 'require'],
  gssencmode: ['disable', 'prefer', 'require'],
  target_session_attrs: ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'],
  load_balance_hosts: ['disable', 'random'],
};

const NUMBERS = [
  'connect_timeout',
  'keepalives',
  'keepalives_idle',
  'keepalives_interval',
  'keepalives_count',
  'tcp_user_timeout',
];

const AUTHENTICATION_METHODS = ['password', 'md5', 'gss', 'sspi', 'scram-sha-256', 'oauth', 'none'];

const TLS_VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;

/** What libpq could do and this program cannot: it would connect elsewhere, or less safely, than was asked for. */
const REFUSED: Readonly<Record<string, { readonly unless: readonly string[]; readonly why: string }>> = {
  gssencmode: { unless: ['disable', 'prefer'], why: 'GSSAPI encryption is not supported; use sslmode' },
  krbsrvname: { unless: [], why: 'Kerberos is not supported' },
  gsslib: { unless: [], why: 'Kerberos is not supported' },
  gssdelegation: { unless: ['0'], why: 'Kerberos is not supported' },
  replication: {
    unless: ['false', 'off', 'no', '0'],
    why: 'a replication connection does not take the statements that are needed',
  },
  requirepeer: { unless: [''], why: 'the owner of a server process cannot be asked for' },
  sslcertmode: {
    unless: ['disable', 'allow'],
    why: 'whether the server asked for the certificate cannot be seen; let its pg_hba.conf demand one',
  },
  sslkeylogfile: { unless: [''], why: 'the keys of a connection are not written to a file' },
  load_balance_hosts: { unless: ['disable'], why: 'all sessions of a run must reach the same server' },
  min_protocol_version: { unless: ['3.0'], why: 'protocol 3.0 is spoken' },
  scram_client_key: { unless: [''], why: 'give the password' },
  scram_server_key: { unless: [''], why: 'give the password' },
  oauth_issuer: { unless: [''], why: 'OAuth is not supported' },
  oauth_client_id: { unless: [''], why: 'OAuth is not supported' },
  oauth_client_secret: { unless: [''], why: 'OAuth is not supported' },
  oauth_scope: { unless: [''], why: 'OAuth is not supported' },
};

/** @throws HyperferryError `USAGE` for a value that libpq refuses, and for one that cannot be honoured here */
export function checkParameters(parameters: Parameters): void {
  for (const [keyword, value] of Object.entries(parameters)) {
    const choices = CHOICES[keyword];
    if (choices && !choices.includes(value)) throw usage(`${keyword} must be one of ${choices.join(', ')}`);
    if (NUMBERS.includes(keyword) && !/^\s*[+-]?\d{1,9}\s*$/.test(value)) {
      throw usage(`${keyword} must be a whole number`);
    }
    const refused = REFUSED[keyword];
    if (refused && !refused.unless.includes(value)) {
      throw new HyperferryError('USAGE', `${keyword} as it is given cannot be honoured: ${refused.why}`, {
        hint: `Leave ${keyword} out of the connection string, its service and the environment.`,
      });
    }
  }
  checkTls(parameters);
  checkAuthentication(parameters);
}

/** A version of TLS as OpenSSL writes it; libpq does not tell upper case from lower. */
export function tlsVersion(text: string | undefined): (typeof TLS_VERSIONS)[number] | undefined {
  return TLS_VERSIONS.find((version) => version.toLowerCase() === text?.toLowerCase());
}

function checkTls({ sslmode = 'prefer', ...parameters }: Parameters): void {
  const [least, most] = ['ssl_min_protocol_version', 'ssl_max_protocol_version'].map((keyword) => {
    const version = tlsVersion(parameters[keyword]);
    if (parameters[keyword] && !version) throw usage(`${keyword} must be one of ${TLS_VERSIONS.join(', ')}`);
    return version;
  });
  if (least && most && least > most) {
    throw usage(`expected ssl_min_protocol_version up to ${most}, but it is ${least}`);
  }
  if (parameters.sslrootcert === 'system' && sslmode !== 'verify-full') {
    throw usage(`sslrootcert=system needs sslmode=verify-full, but it is ${sslmode}`);
  }
  if (/\s$|[\r\n]/.test(parameters.sslpassword ?? '')) {
    throw usage('sslpassword must not end with a space, nor go on over a line');
  }
  if (parameters.sslnegotiation === 'direct' && ['disable', 'allow', 'prefer'].includes(sslmode)) {
    throw usage(`sslnegotiation=direct needs sslmode=require or stronger, but it is ${sslmode}`);
  }
}

/** Source: the reading of `require_auth` in `pqConnectOptions2()`. */
function checkAuthentication({ require_auth: methods }: Parameters): void {
  if (!methods) return;
  const list = methods.split(',');
  const names = list.map((method) => method.replace(/^!/, ''));
  const negated = list.filter((method) => method.startsWith('!')).length;
  if (names.some((name) => !AUTHENTICATION_METHODS.includes(name))) {
    throw usage(`require_auth must be a list of ${AUTHENTICATION_METHODS.join(', ')}`);
  }
  if (negated > 0 && negated < list.length)
    throw usage('require_auth must have a ! before each method, or none');
  if (new Set(names).size < names.length) throw usage('require_auth must name each method once');
}
