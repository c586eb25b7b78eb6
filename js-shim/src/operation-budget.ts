/**
 * Operations of one call: Workers allow a request 1,000 (developers.cloudflare.com/kv/platform/limits), and it will want some for
 * something else.
 */
export const MAX_OPERATIONS = 900;

/** What one call may ask of a store, tries that fail included. */
export class OperationBudget {
  #left: number;

  constructor(operations: number = MAX_OPERATIONS) {
    this.#left = operations;
  }

  get left(): number {
    return this.#left;
  }

  /** Takes an operation. False where none is left. */
  spend(): boolean {
    return this.#left > 0 && this.#left-- > 0;
  }
}
