import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

export const hasOpenssl = await execa('openssl', ['version'], { reject: false }).then(
  ({ failed }) => !failed,
);

/** Opens the encrypted key of the client's certificate. */
export const KEY_PASSWORD = ['opens', 'a', 'key', 'of', 'a', 'test'].join('-');

/** What a server of tests shows as: this name and this address, and no other. */
export const SERVER_NAME = 'db.test';
const SERVER_NAMES = `subjectAltName=DNS:${SERVER_NAME},DNS:*.wild.test,IP:127.0.0.1,IP:::1`;

/**
 * Makes in the folder: an authority (`root.crt`), a server's and a client's certificate of it, the client's key also
 * encrypted, a list that revokes the server's certificate, and the certificate of an authority that issued none.
 */
export async function makeCertificates(folder: string, clientName: string): Promise<void> {
  const openssl = (...parameters: string[]) => execa('openssl', parameters, { cwd: folder });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const issue = async (name: string, subject: string, extension: string) => {
    await writeFile(join(folder, `${name}.ext`), extension);
    await openssl('req', ...key, '-subj', subject, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    await openssl(
      ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'root.crt', '-CAkey', 'root.key', '-CAcreateserial'],
      ...['-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.crt`],
    );
  };
  await Promise.all([
    openssl(
      'req',
      '-x509',
      ...key,
      '-subj',
      '/CN=Authority of tests',
      '-keyout',
      'root.key',
      '-out',
      'root.crt',
    ),
    openssl('req', '-x509', ...key, '-subj', '/CN=Stranger', '-keyout', 'other.key', '-out', 'other.crt'),
  ]);
  await issue('server', '/CN=not looked at', SERVER_NAMES);
  await issue('client', `/CN=${clientName}`, 'extendedKeyUsage=clientAuth');
  await openssl(
    'pkcs8',
    '-topk8',
    '-in',
    'client.key',
    '-out',
    'locked.key',
    '-passout',
    `pass:${KEY_PASSWORD}`,
  );
  await writeFile(join(folder, 'index.txt'), '');
  await writeFile(
    join(folder, 'ca.conf'),
    '[ca]\ndefault_ca=tests\n[tests]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=2\n',
  );
  const authority = ['-config', 'ca.conf', '-cert', 'root.crt', '-keyfile', 'root.key'];
  await openssl('ca', ...authority, '-revoke', 'server.crt');
  await openssl('ca', ...authority, '-gencrl', '-out', 'revoked.crl');
}
