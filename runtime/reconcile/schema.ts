/** The part of the Standard Schema interface that evenkeel uses: zod, valibot, arktype and others implement it. */

export interface Schema<Output> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Result<Output> | Promise<Result<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

type Result<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly RawIssue[] };

interface RawIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

export interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

export function describeIssues(issues: readonly RawIssue[]): readonly Issue[] {
  return issues.map(({ message, path }) => ({
    message,
    path: (path ?? []).map((part) => (typeof part === "object" ? part.key : part)),
  }));
}
