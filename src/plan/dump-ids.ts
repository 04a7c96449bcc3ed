import { quotedNameOf, type TocEntry } from '../postgres/archive/toc-entry.js';
import { quoteQualified } from '../postgres/quoting.js';

/** `pg_class`, `pg_constraint`, `pg_largeobject` and `pg_trigger`, whose OIDs never change (src/include/catalog). */
export const CATALOGS = { relations: 1259, constraints: 2606, largeObjects: 2613, triggers: 2620 };

/** The numbers of entries, by the rows of their objects in the source's catalogs. */
export class DumpIds {
  readonly #ids = new Map<number, Map<number, number>>();
  readonly #entries = new Map<number, TocEntry>();
  readonly #relations = new Map<string, TocEntry>();
  #last = 0;

  constructor(archive: readonly TocEntry[]) {
    for (const entry of archive) {
      const { catalog, oid, dumpId } = entry;
      this.#last = Math.max(this.#last, dumpId);
      this.#entries.set(dumpId, entry);
      if (catalog !== 0) this.#set(catalog, oid, dumpId);
      if (catalog === CATALOGS.relations) this.#relations.set(quotedNameOf(entry), entry);
    }
  }

  next(): number {
    return ++this.#last;
  }

  add(catalog: number, oid: number): void {
    this.#set(catalog, oid, this.next());
  }

  of(catalog: number, oid: number): number | undefined {
    return this.#ids.get(catalog)?.get(oid);
  }

  /** The entry of an object, unless the archive lacks it. */
  entry(catalog: number, oid: number): TocEntry | undefined {
    return this.#entries.get(this.of(catalog, oid) ?? 0);
  }

  /** The entry of a relation. */
  named(name: { readonly schema: string; readonly name: string }): TocEntry | undefined {
    return this.#relations.get(quoteQualified(name));
  }

  #set(catalog: number, oid: number, dumpId: number): void {
    const ofCatalog = this.#ids.get(catalog) ?? new Map<number, number>();
    this.#ids.set(catalog, ofCatalog);
    ofCatalog.set(oid, dumpId);
  }
}
