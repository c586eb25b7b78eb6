/** A D1 database that says how many statements were made for it. */
export interface CountedD1 {
  readonly db: D1Database;
  /** The statements since this was last asked. */
  asked(): string[];
}

export function counted(d1: D1Database): CountedD1 {
  const statements: string[] = [];
  const db = new Proxy(d1, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        if (name === 'prepare' || name === 'exec') statements.push(String(args[0]));
        return value.apply(target, args) as unknown;
      };
    },
  });
  return { db, asked: () => statements.splice(0) };
}
