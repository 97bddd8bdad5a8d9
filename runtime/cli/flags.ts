/** Reads a command line and the `EVENKEEL_…` variables by the table of flags. */
import { parseArgs } from "node:util";
import { didYouMean } from "../host/did-you-mean.ts";
import type { Address, Given, GivenSettings } from "../host/given-settings.ts";
import { parseTraceLink } from "../host/trace-link.ts";
import { EvenkeelError } from "../kube/errors.ts";
import { DNS_LABEL } from "../kube/object.ts";
import { flags, type Flag } from "./flag-table.ts";
import { takenByNpm } from "./taken-by-npm.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What the command line and the environment ask for; a flag wins over its variable, an empty variable is none.
 * @param argv without the program: `process.argv.slice(2)`.
 * @throws EvenkeelError FLAG_INVALID naming the flag or variable.
 */
export function parseFlags(
  argv: readonly string[],
  env: Environment,
): { readonly help: boolean; readonly version: boolean; readonly given: GivenSettings } {
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
    leaseNamespace: read(raw.leaseNamespace, namespace),
    identity: read(raw.identity, identity),
    concurrency: read(raw.concurrency, concurrency),
    empty: read(raw.empty, onOrOff),
    traceLink: read(raw.traceLink, ({ value, from }) => parseTraceLink(value, from)),
    verbosity: read(raw.verbosity, verbosity),
  };
  const isOn = (flag: Given<string> | undefined): boolean => read(flag, onOrOff)?.value === true;
  return { help: isOn(raw.help), version: isOn(raw.version), given };
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

/** Every way to write a flag. `--no-X` is the negation of a flag that is on or off and has a variable. */
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

function refuseTakenByNpm(env: Environment): void {
  const ours = flags.filter(({ variable }) => variable !== undefined).map(({ flag }) => flag);
  const taken = takenByNpm(env, { script: "start", flags: ours });
  if (taken !== undefined) refuse(taken);
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

function namespace({ value, from }: Given<string>): string {
  if (DNS_LABEL.test(value)) return value;
  return refuse(`${from} is the name of a namespace, not ${JSON.stringify(value)}`);
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

function refuse(what: string): never {
  throw new EvenkeelError("FLAG_INVALID", what);
}
