// Which binding a wrapper of ours wraps: what the isolate remembers belongs to the binding, by whatever name it is called.

const wrapped = new WeakMap<object, object>();

/** Notes that `wrapper` does to `binding` what is done to it. */
export function wraps(wrapper: object, binding: object): void {
  wrapped.set(wrapper, bindingOf(binding));
}

/** The innermost binding; what no wrapper of ours is, is one itself. */
export function bindingOf(kv: object): object {
  return wrapped.get(kv) ?? kv;
}
