/** The flags and `EVENKEEL_…` variables of `start`: one table, and the reading of a command line by it. */
import { parseArgs } from "node:util";
import { didYouMean } from "../host/nearest.ts";
import type { Address } from "../host/addresses.ts";
import { defaults, type Given, type GivenSettings } from "../host/settings.ts";
import { parseTraceLink } from "../host/trace-link.ts";
import { EvenkeelError } from "../kube/errors.ts";

export interface Flag {
  readonly key: keyof GivenSettings | "help";
  /** `--leader-elect`; the one-letter flag is `-v`. */
  readonly flag: string;
  readonly short?: string;
  readonly variable?: string;
  /** What to write for the value. Absent: the flag is on or off. */
  readonly value?: string;
  /** What it does, and its default: for the help text. */
  readonly says: string;
}

/** In the order of the help text. */
export const flags: readonly Flag[] = [
  {
    key: "kubeconfig",
    flag: "--kubeconfig",
    variable: "EVENKEEL_KUBECONFIG",
    value: "FILE",
    says: "run against the cluster that this kubeconfig names",
  },
  {
    key: "context",
    flag: "--context",
    variable: "EVENKEEL_CONTEXT",
    value: "NAME",
    says: "run against this context of the kubeconfig",
  },
  {
    key: "config",
    flag: "--config",
    variable: "EVENKEEL_CONFIG",
    value: "FILE",
    says: `configuration (default: ${defaults.configFile}, where there is one)`,
  },
  {
    key: "functions",
    flag: "--functions",
    variable: "EVENKEEL_FUNCTIONS",
    value: "DIR",
    says: "folder of the functions (default: functions/ of the package)",
  },
  {
    key: "address",
    flag: "--address",
    variable: "EVENKEEL_ADDRESS",
    value: "HOST:PORT",
    says: `health (default: ${show(defaults.address)}; in a pod ${show(defaults.addressInPod)})`,
  },
  {
    key: "statusAddress",
    flag: "--status-address",
    variable: "EVENKEEL_STATUS_ADDRESS",
    value: "HOST:PORT",
    says: `status page; 0: off (default: --address or ${show(defaults.local)})`,
  },
  {
    key: "metricsAddress",
    flag: "--metrics-address",
    variable: "EVENKEEL_METRICS_ADDRESS",
    value: "HOST:PORT",
    says: `metrics; 0: off (default: as status; in a pod ${show(defaults.metricsInPod)} with TLS)`,
  },
  {
    key: "metricsCert",
    flag: "--metrics-cert",
    variable: "EVENKEEL_METRICS_CERT",
    value: "FILE",
    says: "certificate of metrics beyond loopback (default: one is made)",
  },
  {
    key: "metricsKey",
    flag: "--metrics-key",
    variable: "EVENKEEL_METRICS_KEY",
    value: "FILE",
    says: "and its private key",
  },
  {
    key: "leaderElect",
    flag: "--leader-elect",
    variable: "EVENKEEL_LEADER_ELECT",
    says: "only one replica works at a time (default: on for clusters)",
  },
  {
    key: "identity",
    flag: "--identity",
    variable: "EVENKEEL_IDENTITY",
    value: "NAME",
    says: "name of this replica in the Lease (default: host name and UUID)",
  },
  {
    key: "concurrency",
    flag: "--concurrency",
    variable: "EVENKEEL_CONCURRENCY",
    value: "N",
    says: `keys reconciled at the same time, 1 to 1000 (default: ${defaults.concurrency})`,
  },
  {
    key: "empty",
    flag: "--empty",
    variable: "EVENKEEL_EMPTY",
    says: "start the embedded API server without the demo world",
  },
  {
    key: "traceLink",
    flag: "--trace-link",
    variable: "EVENKEEL_TRACE_LINK",
    value: "URL",
    says: "page of a trace, {traceId} in it, for links on the status page",
  },
  {
    key: "verbosity",
    flag: "-v",
    short: "v",
    variable: "EVENKEEL_V",
    value: "LEVEL",
    says: `what is logged: 0 news, 4 reconciles, 8 requests (default: ${defaults.verbosity})`,
  },
  { key: "help", flag: "--help", short: "h", says: "print this and exit" },
];

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What the command line and the environment ask for; a flag wins over its variable, an empty variable is none.
 * @param argv without the program: `process.argv.slice(2)`.
 * @throws EvenkeelError FLAG_INVALID naming the flag or variable.
 */
export function parseFlags(
  argv: readonly string[],
  env: Environment,
): { readonly help: boolean; readonly given: GivenSettings } {
  refuseTakenByNpm(env);
  const raw = { ...fromEnvironment(env), ...fromCommandLine(argv) };
  const given: GivenSettings = {
    kubeconfig: raw.kubeconfig,
    context: raw.context,
    config: raw.config,
    functions: raw.functions,
    address: read(raw.address, address),
    statusAddress: read(raw.statusAddress, addressOrOff),
    metricsAddress: read(raw.metricsAddress, addressOrOff),
    metricsCert: raw.metricsCert,
    metricsKey: raw.metricsKey,
    leaderElect: read(raw.leaderElect, onOrOff),
    identity: read(raw.identity, identity),
    concurrency: read(raw.concurrency, concurrency),
    empty: read(raw.empty, onOrOff),
    traceLink: read(raw.traceLink, ({ value, from }) => parseTraceLink(value, from)),
    verbosity: read(raw.verbosity, verbosity),
  };
  return { help: read(raw.help, onOrOff)?.value === true, given };
}

type Raw = { [K in Flag["key"]]?: Given<string> };

function fromCommandLine(argv: readonly string[]): Raw {
  const raw: Raw = {};
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") return refuse(`${JSON.stringify(token.value)} belongs to no flag`);
    const { rawName } = token;
    const named = byName.get(rawName) ?? refuse(`there is no flag ${rawName}${didYouMean(rawName, byName.keys())}`);
    if (named.flag.key in raw) refuse(`${named.flag.flag} is given twice`);
    raw[named.flag.key] = { value: valueOf(named, token), from: rawName };
  }
  return raw;
}

const options = Object.fromEntries(
  flags.map(({ flag, value, short }) => [
    flag.replace(/^-+/, ""),
    {
      type: value === undefined ? ("boolean" as const) : ("string" as const),
      ...(short === undefined ? {} : { short }),
    },
  ]),
);

interface Named {
  readonly flag: Flag;
  readonly isNegated: boolean;
}

/** Every way to write a flag. `--no-X` is the negation of a flag that is on or off, but help. */
const byName: ReadonlyMap<string, Named> = new Map(
  flags.flatMap((flag) => {
    const names = [flag.flag, ...(flag.short === undefined ? [] : [`-${flag.short}`, `--${flag.short}`])];
    const plain = names.map((name): [string, Named] => [name, { flag, isNegated: false }]);
    if (flag.value !== undefined || flag.variable === undefined) return plain;
    return [...plain, [flag.flag.replace("--", "--no-"), { flag, isNegated: true }] satisfies [string, Named]];
  }),
);

interface Token {
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function valueOf({ flag, isNegated }: Named, { rawName, value, inlineValue }: Token): string {
  if (flag.value === undefined) {
    if (isNegated && value !== undefined) refuse(`${rawName} takes no value`);
    return isNegated ? "false" : (value ?? "true");
  }
  // `-v=debug` is how kubectl's users write it; parseArgs hands over the sign with the value.
  const text = rawName.startsWith("--") ? value : value?.replace(/^=/, "");
  const isNextFlag = inlineValue !== true && text?.startsWith("-") === true;
  if (text === undefined || text === "" || isNextFlag)
    return refuse(`${rawName} needs a value: ${rawName} ${flag.value}`);
  return text;
}

function fromEnvironment(env: Environment): Raw {
  const raw: Raw = {};
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith("EVENKEEL_") || SERVICE_VARIABLE.test(variable)) continue;
    const flag = flags.find((each) => each.variable === variable);
    if (flag === undefined) return refuse(`there is no variable ${variable}${didYouMean(variable, variables())}`);
    if (value !== undefined && value !== "") raw[flag.key] = { value, from: variable };
  }
  return raw;
}

/** `npm start --empty`, without the `--` between, is a flag of npm's: it keeps it, with a warning, and we would run without. */
function refuseTakenByNpm(env: Environment): void {
  if (env["npm_lifecycle_event"] !== "start") return;
  for (const { flag, variable } of flags) {
    const taken = variable === undefined ? undefined : env[`npm_config_${flag.slice(2).replaceAll("-", "_")}`];
    if (taken !== undefined) refuse(`npm took ${flag} for its own: put -- before it, \`npm start -- ${flag}\``);
  }
}

const variables = (): readonly string[] => flags.flatMap(({ variable }) => (variable === undefined ? [] : [variable]));

/**
 * What the kubelet sets in every pod for a Service called `evenkeel` or `evenkeel-…`: nobody's setting, and no slip either.
 * Source: Kubernetes pkg/kubelet/envvars.
 */
const SERVICE_VARIABLE =
  /^EVENKEEL_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)?)$/;

function read<T>(raw: Given<string> | undefined, parse: (raw: Given<string>) => T): Given<T> | undefined {
  return raw === undefined ? undefined : { value: parse(raw), from: raw.from };
}

function onOrOff({ value, from }: Given<string>): boolean {
  if (value === "true" || value === "false") return value === "true";
  return refuse(`${from} is true or false, not ${JSON.stringify(value)}`);
}

function verbosity({ value, from }: Given<string>): number {
  if (/^(\d|10)$/.test(value)) return Number(value);
  return refuse(`${from} is a whole number from 0 to 10, not ${JSON.stringify(value)}`);
}

function concurrency({ value, from }: Given<string>): number {
  if (/^[1-9]\d{0,2}$|^1000$/.test(value)) return Number(value);
  return refuse(`${from} is a whole number from 1 to 1000, not ${JSON.stringify(value)}`);
}

/** What a Lease's holderIdentity can hold and a log line can show. */
function identity({ value, from }: Given<string>): string {
  if (/^[\x21-\x7e]{1,253}$/.test(value)) return value;
  return refuse(`${from} is 1 to 253 printable characters without spaces, not ${JSON.stringify(value)}`);
}

function address({ value, from }: Given<string>): Address {
  const [, bracketed, plain, digits = ""] = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]*)):(\d{1,5})$/.exec(value) ?? [];
  const host = bracketed ?? plain;
  if (host !== undefined && Number(digits) <= 65_535) return { host, port: Number(digits) };
  return refuse(`${from} is HOST:PORT, such as 127.0.0.1:8080, :8080 or [::1]:8080, not ${JSON.stringify(value)}`);
}

/** `0` as in controller-runtime's --metrics-bind-address. */
function addressOrOff(given: Given<string>): Address | "off" {
  return given.value === "0" ? "off" : address(given);
}

function show({ host, port }: Address): string {
  return `${host}:${port}`;
}

function refuse(what: string): never {
  throw new EvenkeelError("FLAG_INVALID", what);
}
