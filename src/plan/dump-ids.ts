import type { TocEntry } from '../postgres/archive/toc-entry.js';

/** `pg_class`, `pg_constraint` and `pg_trigger`, whose OIDs never change (src/include/catalog). */
export const CATALOGS = { relations: 1259, constraints: 2606, triggers: 2620 };

/** The numbers of entries, by the rows of their objects in the source's catalogs. */
export class DumpIds {
  readonly #ids = new Map<number, Map<number, number>>();
  #last = 0;

  constructor(archive: readonly TocEntry[]) {
    for (const { catalog, oid, dumpId } of archive) {
      this.#last = Math.max(this.#last, dumpId);
      if (catalog !== 0) this.#set(catalog, oid, dumpId);
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

  #set(catalog: number, oid: number, dumpId: number): void {
    const ofCatalog = this.#ids.get(catalog) ?? new Map<number, number>();
    this.#ids.set(catalog, ofCatalog);
    ofCatalog.set(oid, dumpId);
  }
}
