import type { LeftOut } from '../plan/left-out.js';
import type { ObjectDifference } from './verification.js';

/** What was left behind on purpose. */
export interface Intent {
  /** Whether owners and grants were to be carried over. */
  readonly owners: boolean;
  readonly privileges: boolean;
  readonly leftOut: readonly LeftOut[];
}

/** The reason for a difference that is meant; undefined for any other. */
export function reasonFor(difference: ObjectDifference, intent: Intent): string | undefined {
  if (!intent.owners && difference.kind.startsWith('owner of')) return 'owners were not carried over';
  if (!intent.privileges && /^(grants on|default privileges)|on parameter$/.test(difference.kind)) {
    return 'grants were not carried over';
  }
  const label = normal(`${difference.kind} ${difference.object}`);
  return intent.leftOut.find((item) => explains(item, difference, label))?.reason;
}

function explains({ object }: LeftOut, difference: ObjectDifference, label: string): boolean {
  const name = normal(object);
  // Only a definition tells the access method of an operator class.
  if (name === label || name === label.replace(OF_ACCESS_METHOD, '$1')) return true;
  const entry = /^(acl|comment) (?:(.*?)\.)?([a-z -]+?) (.*)$/.exec(name);
  if (entry) {
    const [, what, schema, kind, rest] = entry;
    return (
      label === `${what === 'acl' ? 'grants' : 'comment'} on ${kind} ${schema ? `${schema}.` : ''}${rest}`
    );
  }
  const constraint = /^constraint (.*)\.([^.]+)$/.exec(name);
  if (constraint) return label === `constraint ${constraint[2]} on ${constraint[1]}`;
  const content = /^content of (materialized view .*)$/s.exec(name);
  if (content) return label === content[1];
  const defaults = /^default acl (?:(.*)\.)?default privileges for ([a-z]+|large objects) of (.*)$/s.exec(
    name,
  );
  if (defaults) {
    const [, schema, kind, role] = defaults;
    return label === `default privileges of ${role} on ${kind}${schema === undefined ? '' : ` in ${schema}`}`;
  }
  const extension = /^version .* of extension (.*)$/.exec(name);
  if (extension) return label === `extension ${extension[1]}`;
  const tablespace = /^tablespace (.*)$/.exec(name);
  if (tablespace) {
    return difference.kind.startsWith('tablespace of') && normal(difference.source.join()) === tablespace[1];
  }
  if (name.startsWith('attachment of hypertables to the tablespaces')) {
    return difference.kind === '_timescaledb_catalog.tablespace';
  }
  // A grant by itself: `CONNECT on DATABASE x for bob`.
  const grant = /^[a-z]+ on database .* for (.*)$/.exec(name);
  return grant !== null && label === `grants on the database for ${grant[1]}`;
}

const OF_ACCESS_METHOD = /^(owner of operator (?:class|family) .*) using [^ ]+$/s;

/** Statements name kinds in capitals and quote less than definitions do. Names in capitals alone go for those in small letters. */
function normal(text: string): string {
  return text
    .replaceAll('"', '')
    .replace(/\b[A-Z]+\b/g, (word) => word.toLowerCase())
    .replace(/^[Cc]omment of /, 'comment on ');
}
