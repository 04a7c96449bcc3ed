import type { Session } from '../postgres/session.js';
import { type Finding, nameSome, readNames } from './finding.js';

/** What a check asks, and what it says of the objects that come. */
export interface Question {
  /** Gives names. */
  readonly query: string;
  readonly finding: Omit<Finding, 'found' | 'objects'> & { readonly what: string };
}

/** A finding for each question to which objects come. */
export async function askAll(session: Session, questions: readonly Question[]): Promise<Finding[]> {
  const answers = await Promise.all(questions.map(({ query }) => readNames(session, query)));
  return questions.flatMap(({ finding: { what, ...finding } }, at) => {
    const objects = answers[at] ?? [];
    return objects.length === 0 ? [] : [{ ...finding, objects, found: `${what}: ${nameSome(objects)}` }];
  });
}
