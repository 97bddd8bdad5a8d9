/** Where a person looks at a trace: the address of a Jaeger, or of whatever else shows traces, with a place for the trace id. */
import { EvenkeelError } from "../kube/errors.ts";

/** What stands for the id of a trace. */
const PLACE = "{traceId}";

/** An address template that {@link parseTraceLink} let through. */
export type TraceLink = string & { readonly brand: unique symbol };

/**
 * @param from the flag or variable it came from, for the message.
 * @throws EvenkeelError FLAG_INVALID
 */
export function parseTraceLink(text: string, from: string): TraceLink {
  const refuse = (what: string): never => {
    throw new EvenkeelError("FLAG_INVALID", `${from} ${what}, such as http://localhost:16686/trace/${PLACE}`);
  };
  // Two ids that differ: an address whose server would depend on the id is no address of a server.
  const [one, other] = ["a", "b"].map((id) => urlOf(text.replaceAll(PLACE, id)));
  if (one === undefined || other === undefined || !/^https?:$/.test(one.protocol))
    return refuse(`is an http or https address, not ${JSON.stringify(text)}`);
  // Everybody who may look at the page would read them.
  if (one.username !== "" || one.password !== "") return refuse("holds no user and no password");
  if (one.href === other.href || one.origin !== other.origin)
    return refuse(`has ${PLACE} in its path, its query or its fragment`);
  return text as TraceLink;
}

/** @param traceId 32 hexadecimal digits. */
export function traceUrl(link: TraceLink, traceId: string): string {
  return link.replaceAll(PLACE, traceId);
}

function urlOf(text: string): URL | undefined {
  // The parser would drop blanks around it and line breaks in it, and then show another address than it was given.
  return /[\s\p{Cc}]/u.test(text) ? undefined : (URL.parse(text) ?? undefined);
}
