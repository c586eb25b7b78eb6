/** An error that a person can act on: what went wrong, and what to do next. Printed without a stack. */
export class Failure extends Error {
  /**
   * @param {string} what what failed, and what the failing tool said
   * @param {string[]} next what to try, one step per line
   * @param {{ permanent?: boolean }} options `permanent`: trying again would fail the same way
   */
  constructor(what, next = [], { permanent = false } = {}) {
    super(what);
    this.next = next;
    this.permanent = permanent;
  }
}
