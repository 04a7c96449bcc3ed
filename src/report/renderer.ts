import type { Event } from '../engine/events.js';
import type { Outcome } from '../migrate/outcome.js';
import type { HyperferryError } from '../postgres/error.js';

/** Shows a run. Chosen by name; the engine knows none. Renderers write to stderr: stdout is for results. */
export interface Renderer {
  show(event: Event): void;
  finished(outcome: Outcome): void;
  failed(error: HyperferryError): void;
}
