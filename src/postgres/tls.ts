import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { tlsVersion } from './check-parameters.js';
import type { Connection, Host } from './connection-string.js';
import { HyperferryError } from './error.js';

/** Where operating systems keep the certificates that they trust, as one file; `SSL_CERT_FILE` says otherwise. */
const SYSTEM_ROOTS = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * What TLS is spoken with, as `initialize_SSL()` sets it up. The certificate is looked at afterwards, by
 * `checkCertificate()`, which can then say what came.
 * Source: src/interfaces/libpq/fe-secure-openssl.c
 *
 * @throws HyperferryError `CONNECT` for a file that is missing, cannot be read, or can be read by others
 */
export function tlsOptions(connection: Connection, { host }: Host): ConnectionOptions {
  const { parameters } = connection;
  const roots = rootFile(connection);
  const minVersion = tlsVersion(parameters.ssl_min_protocol_version) ?? 'TLSv1.2';
  const maxVersion = tlsVersion(parameters.ssl_max_protocol_version);
  return {
    minVersion,
    ...(maxVersion ? { maxVersion } : {}),
    ...(roots ? { ca: read('sslrootcert', roots), ...revocationLists(connection) } : {}),
    ...clientCertificate(connection),
    ...(parameters.sslsni === '0' || !isName(host) ? {} : { servername: host }),
    ...(parameters.sslnegotiation === 'direct' ? { ALPNProtocols: ['postgresql'] } : {}),
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  };
}

/**
 * Checks the server's certificate, before anything is sent: its issuer wherever there is a root certificate file,
 * whatever the mode, and with `verify-full` also its name.
 *
 * @throws HyperferryError `CONNECT` that says what was expected and what came
 */
export function checkCertificate(socket: TLSSocket, connection: Connection, { host }: Host): void {
  const roots = rootFile(connection);
  const der = socket.getPeerCertificate().raw as Buffer | undefined;
  if (roots && (!socket.authorized || !der)) throw untrusted(socket, roots, der);
  if (connection.sslMode !== 'verify-full') return;
  if (!der) throw new HyperferryError('CONNECT', 'expected a certificate from the server, but none came');
  const certificate = new X509Certificate(der);
  if (!isFor(certificate, host)) {
    throw new HyperferryError(
      'CONNECT',
      `expected a certificate for ${host} (sslmode=verify-full), but the server's is for ${namesOf(certificate)}`,
      {
        hint: 'Name the host as the certificate does, with hostaddr=ADDRESS where that name leads elsewhere; sslmode=verify-ca does not compare names.',
      },
    );
  }
}

/** @returns undefined where there is nothing to verify with, and the mode does not ask for it */
function rootFile({ sslMode, parameters, home }: Connection): string | undefined {
  if (parameters.sslrootcert === 'system') return systemRoots();
  const file = parameters.sslrootcert || join(home, '.postgresql', 'root.crt');
  if (existsSync(file)) return file;
  if (sslMode !== 'verify-ca' && sslMode !== 'verify-full') return undefined;
  throw new HyperferryError(
    'CONNECT',
    `expected the root certificate in ${file}, which sslmode=${sslMode} needs, but there is no such file`,
    {
      hint: 'Name the file with sslrootcert=FILE, or trust what this machine trusts with sslrootcert=system.',
    },
  );
}

function systemRoots(): string {
  const file = process.env.SSL_CERT_FILE || SYSTEM_ROOTS.find((one) => existsSync(one));
  if (file) return file;
  throw new HyperferryError(
    'CONNECT',
    `expected the certificates that this machine trusts in one of ${SYSTEM_ROOTS.join(', ')}, but there is none`,
    { hint: 'Install the package ca-certificates, or name a file by SSL_CERT_FILE or sslrootcert.' },
  );
}

/** Lists that are not there are no error to libpq. */
function revocationLists({ parameters, home }: Connection): { crl?: Buffer[] } {
  const { sslcrl, sslcrldir } = parameters;
  const files = [sslcrl || (sslcrldir ? '' : join(home, '.postgresql', 'root.crl'))];
  if (sslcrldir && existsSync(sslcrldir)) {
    // The names that `openssl rehash` gives.
    const hashed = readdirSync(sslcrldir).filter((name) => /^[0-9a-f]{8}\.r\d+$/.test(name));
    files.push(...hashed.map((name) => join(sslcrldir, name)));
  }
  const lists = files.filter((file) => file && existsSync(file)).map((file) => read('sslcrl', file));
  return lists.length > 0 ? { crl: lists } : {};
}

function clientCertificate({ parameters, home }: Connection): ConnectionOptions {
  if (parameters.sslcertmode === 'disable') return {};
  const certificate = parameters.sslcert || join(home, '.postgresql', 'postgresql.crt');
  // The server may do without one, and says so if it does not.
  if (!existsSync(certificate)) return {};
  const key = parameters.sslkey || join(home, '.postgresql', 'postgresql.key');
  checkKeyFile(key, certificate);
  return { cert: read('sslcert', certificate), key: openKey(key, parameters.sslpassword) };
}

function openKey(file: string, passphrase: string | undefined): string | Buffer {
  const pem = read('sslkey', file);
  try {
    const key = createPrivateKey({ key: pem, ...(passphrase ? { passphrase } : {}) });
    return key.export({ type: 'pkcs8', format: 'pem' });
  } catch (error) {
    throw new HyperferryError('CONNECT', `cannot open the private key ${file}: ${(error as Error).message}`, {
      hint: 'Give the password of an encrypted key as sslpassword.',
    });
  }
}

function checkKeyFile(key: string, certificate: string): void {
  const found = statSync(key, { throwIfNoEntry: false });
  if (!found) {
    throw new HyperferryError(
      'CONNECT',
      `expected the private key of ${certificate} in ${key}, but there is no such file`,
      { hint: 'Name the file with sslkey=FILE.' },
    );
  }
  // A key of the system's may be open to a group that is meant to use it.
  const open = found.mode & (found.uid === 0 ? 0o037 : 0o077);
  if (!found.isFile() || (process.platform !== 'win32' && open !== 0)) {
    throw new HyperferryError(
      'CONNECT',
      `expected the private key ${key} to be a file that only its owner can read (or root's, readable by a group)`,
      { hint: `chmod 600 ${key}` },
    );
  }
}

function read(parameter: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new HyperferryError('CONNECT', `cannot read ${file} (${parameter})`, { cause: error });
  }
}

/** RFC 6066 allows no address as a server name. */
function isName(host: string): boolean {
  return isIP(host) === 0 && !host.startsWith('/');
}

function untrusted(socket: TLSSocket, roots: string, der: Buffer | undefined): HyperferryError {
  const came = der ? `the server's is by ${oneLine(new X509Certificate(der).issuer)}` : 'none came';
  return new HyperferryError(
    'CONNECT',
    `expected a certificate that ${roots} vouches for, but ${came} (${String(socket.authorizationError)})`,
    {
      hint: "Name the certificate of the authority that issued the server's: sslrootcert=FILE. It is checked wherever that file exists.",
    },
  );
}

/** As libpq does, an address may stand for itself in a certificate that holds names alone. */
function isFor(certificate: X509Certificate, host: string): boolean {
  if (isIP(host) === 0) return certificate.checkHost(host, { partialWildcards: false }) !== undefined;
  const subject = certificate.subjectAltName?.includes('IP Address:') ? 'never' : 'default';
  return (
    certificate.checkIP(host) !== undefined ||
    certificate.checkHost(host, { wildcards: false, subject }) !== undefined
  );
}

function namesOf(certificate: X509Certificate): string {
  return certificate.subjectAltName ?? oneLine(certificate.subject);
}

function oneLine(name: string): string {
  return name.replaceAll('\n', ', ');
}
