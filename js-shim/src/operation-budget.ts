/**
 * Operations of one call: Workers allow a request 1,000 (developers.cloudflare.com/kv/platform/limits), and it will want some for
 * something else.
 */
export const MAX_OPERATIONS = 900;

/** What one call may ask of a store, tries that fail included. */
export class OperationBudget {
  #left = MAX_OPERATIONS;

  get isSpent(): boolean {
    return this.#left === 0;
  }

  /** Takes an operation. False where none is left. */
  spend(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }
}
