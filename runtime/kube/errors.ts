/**
 * Every error that evenkeel itself raises: one class, one table of stable codes. What to do about a code is decided by its
 * entry here, never by its text.
 */

interface Meaning {
  /** Who can mend it: the user (files, flags, functions), the cluster (its state or its answers), or we (a bug). */
  readonly side: "user" | "cluster" | "bug";
  /** Whether the same attempt may succeed later without anybody changing anything. */
  readonly isRetryable: boolean;
  /** One sentence, imperative: what to do next. */
  readonly next: string;
}

const user = (next: string): Meaning => ({ side: "user", isRetryable: false, next });
const cluster = (next: string): Meaning => ({ side: "cluster", isRetryable: true, next });
const permanent = (next: string): Meaning => ({ side: "cluster", isRetryable: false, next });
const bug = (next: string): Meaning => ({ side: "bug", isRetryable: false, next });

export const meanings = {
  // The command line, the configuration, the functions folder.
  FLAG_INVALID: user("run `npm start -- --help` for the flags"),
  MANIFESTS_FLAG_INVALID: user("run `npm run manifests -- --help` for the flags"),
  FILE_NOT_FOUND: user("check the path"),
  CONFIG_INVALID: user("correct the file"),
  KUBECONFIG_INVALID: user("check --kubeconfig and --context"),
  FUNCTION_LOAD_FAILED: user("correct the file"),
  FUNCTION_FOLDER_UNUSABLE: user(
    "let it hold a function that can be read, as README.md, Write a function, shows; or name another by --functions",
  ),
  FUNCTION_INVALID: user("correct the argument of defineFunction"),
  // What a function did.
  FUNCTION_THREW: user("correct the function; nothing was written and the key is retried"),
  FUNCTION_GAVE_UP: user("change what it complains about; the key is not retried until then"),
  FUNCTION_RETURNED_PROMISE: user("make `reconcile` synchronous: return effects, do not await"),
  FUNCTION_READ_CLOCK: user("use the `now` that reconcile is given"),
  FUNCTION_USED_RANDOMNESS: user("derive the value from the object, for example from its uid"),
  FUNCTION_REACHED_OUT: user("read through the cache only: no network, timers or process state in a function"),
  FUNCTION_MUTATED_INPUT: user("copy the object before changing it: { ...object }"),
  FUNCTION_NOT_DETERMINISTIC: user("make the result depend on the inputs alone"),
  FUNCTION_READ_TOO_MUCH: user("list what it needs instead of getting objects one by one"),
  FUNCTION_TIMED_OUT: user("take the loop out; nothing was written and the key is retried"),
  FUNCTION_OUT_OF_MEMORY: user("hold less at a time; nothing was written and the key is retried"),
  FUNCTION_CRASHED: user("take out what ended its thread; nothing was written and the key is retried"),
  FUNCTION_SUSPENDED: user("correct the function, or the object that it cannot bear; it is retried automatically"),
  FUNCTION_READ_UNDECLARED: user("add the kind to `reads`"),
  EFFECT_INVALID: user("correct what the function returns"),
  EFFECT_TOO_LARGE: user("return less: what is large belongs into objects of its own, what is many into one event"),
  EFFECT_UNKNOWN: user("return only the documented effects"),
  CHILD_INVALID: user("correct that object in what the function returns"),
  CHILD_DUPLICATE: user("return each child once"),
  KIND_NOT_DECLARED: user("add the kind to `writes`"),
  // What we found in the cluster.
  KIND_NOT_SERVED: cluster("correct the kind, or install what serves it; evenkeel waits for it"),
  LEASE_AMBIGUOUS: user("pass --lease-namespace, or delete those that no host uses any more"),
  LEASE_LOST: cluster("start it again, where nothing else does: it waits for the lease"),
  OBJECT_TOO_DEEP: permanent("take a level out of the object, or narrow what the function watches or reads"),
  // What the API server answered.
  API_UNREACHABLE: cluster("check that the API server is up and the address is right"),
  API_UNTRUSTED: cluster("check the address, and the CA of the credentials"),
  API_TIMEOUT: cluster("nothing: the request is retried"),
  API_UNAVAILABLE: cluster("nothing: the request is retried"),
  API_TOO_MANY_REQUESTS: cluster("nothing: the request is retried after the time the server asked for"),
  API_EXPIRED: cluster("nothing: the list is taken anew"),
  API_WENT_BACK: cluster("if it stays so, was etcd restored from a backup? Then restart evenkeel"),
  API_BAD_RESPONSE: cluster("check what stands between evenkeel and the API server"),
  API_UNAUTHORIZED: cluster("check the credentials"),
  API_FORBIDDEN: permanent("grant the permission or, where the message names a quota or a policy, ask whoever set it"),
  API_FENCED: permanent(
    "if the functions or their prefixes have changed, run `npm run manifests` and apply what it writes",
  ),
  API_NAMESPACE_TERMINATING: permanent("nothing: the namespace is on its way out"),
  API_NOT_FOUND: permanent("nothing: the object or its namespace is gone"),
  API_ALREADY_EXISTS: permanent("nothing: the object is looked at again"),
  API_CONFLICT: cluster("nothing: the object changed meanwhile and is looked at again"),
  API_FIELD_TAKEN: permanent("agree with the other manager on who sets the field; evenkeel takes none from another"),
  API_INVALID: permanent("correct what the function writes"),
  API_REJECTED: permanent("the server's message says what to change"),
  BUG: bug("report it, with the stack"),
} as const satisfies Record<string, Meaning>;

export type Code = keyof typeof meanings;

/** What the API server said in the Status of a refusal. */
export interface ApiStatus {
  readonly httpCode: number;
  /** `AlreadyExists`, `Forbidden`, … as in metav1.StatusReason. */
  readonly reason?: string | undefined;
  /** `status.details.causes[].reason` */
  readonly causes: readonly string[];
  /** From the header Retry-After or `details.retryAfterSeconds`. */
  readonly retryAfterMs?: number | undefined;
}

export class EvenkeelError extends Error {
  override readonly name = "EvenkeelError";
  readonly code: Code;
  /** The message without the advice that the code adds. */
  readonly what: string;
  readonly status: ApiStatus | undefined;

  /** @param what what failed, and which: `mirror: child team-a/settings exists and is not ours`. The code adds what to do. */
  constructor(
    code: Code,
    what: string,
    { cause, status }: { readonly cause?: unknown; readonly status?: ApiStatus } = {},
  ) {
    super(`${what}; ${meanings[code].next}`, cause === undefined ? {} : { cause });
    this.code = code;
    this.what = what;
    this.status = status;
  }

  get meaning(): Meaning {
    return meanings[this.code];
  }
}

/** The code of any thrown value: BUG for what we did not raise ourselves. */
export function codeOf(error: unknown): Code {
  return error instanceof EvenkeelError ? error.code : "BUG";
}

/** `ENOENT`, `ECONNREFUSED`: the code that the system, or Node, gave an error; undefined when it gave none. */
export function systemCode(error: unknown): string | undefined {
  return Error.isError(error) && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** @throws EvenkeelError BUG, with `what` must hold, unless it does */
export function invariant(holds: boolean, what: string): asserts holds {
  if (!holds) throw new EvenkeelError("BUG", what);
}
