import type { Emit } from '../engine/events.js';
import type { LeftOut } from '../plan/left-out.js';

/** Each object once, however many attempts leave it out. */
export class LeftOutItems {
  readonly #emit: Emit;
  readonly #byObject = new Map<string, LeftOut>();

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  get items(): readonly LeftOut[] {
    return [...this.#byObject.values()];
  }

  has(object: string): boolean {
    return this.#byObject.has(object);
  }

  add(item: LeftOut): void {
    if (!this.has(item.object)) this.#emit({ type: 'left-out', ...item });
    this.#byObject.set(item.object, item);
  }
}
