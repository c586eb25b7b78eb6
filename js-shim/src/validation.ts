/** A validator as Standard Schema has it (standardschema.dev, version 1): Zod, Valibot, ArkType and others make them. */
export interface StandardSchemaV1 {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult | Promise<SchemaResult>;
  };
}

/** What a schema says of a value: issues where it is not what it should be. */
type SchemaResult = { readonly value: unknown; readonly issues?: undefined } | { readonly issues: readonly object[] };

/** What a value must be. */
export type Validate = StandardSchemaV1 | ((value: unknown) => boolean);

/** Whether a value is what it must be. A validator that throws has found something wrong with it. */
export async function isValid(validate: Validate, value: unknown): Promise<boolean> {
  try {
    // A schema may well be a function too.
    if ('~standard' in validate) return (await validate['~standard'].validate(value)).issues === undefined;
    return validate(value) === true;
  } catch {
    return false;
  }
}

/** Whether something can be a validator. */
export function isValidator(validate: unknown): boolean {
  if (typeof validate === 'function') return true;
  return typeof validate === 'object' && validate !== null && '~standard' in validate;
}
