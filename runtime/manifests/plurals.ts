/** A plural that one function says is the kind's, wherever else it is named: manifests name each kind by one. */
import { EvenkeelError } from "../kube/errors.ts";
import { groupKind, type Kind } from "../kube/kind.ts";
import type { Query } from "../kube/query.ts";
import { kindsOf, type Declaration } from "../reconcile/cell/cell.ts";

type Functions = ReadonlyMap<string, Declaration>;

/**
 * @returns the same declarations, each of their kinds with the plural that some function says.
 * @throws EvenkeelError FUNCTION_INVALID where two functions say different ones
 */
export function withPlurals(functions: Functions): Functions {
  const plurals = pluralsIn(functions);
  const kindOf = (kind: Kind): Kind => {
    const plural = plurals.get(groupKind(kind));
    return plural === undefined ? kind : { ...kind, plural };
  };
  const queryOf = (query: Query): Query => ({ ...query, kind: kindOf(query.kind) });
  const named = ({ watches, reads, writes, applies, subresources }: Declaration): Declaration => ({
    watches: queryOf(watches),
    reads: reads.map(queryOf),
    writes: writes.map(kindOf),
    applies: applies.map(kindOf),
    subresources: subresources.map((part) => ({ ...part, of: kindOf(part.of) })),
  });
  return new Map([...functions].map(([name, declaration]) => [name, named(declaration)]));
}

interface Saying {
  readonly functionName: string;
  readonly plural: string;
}

/** By group and kind: in all versions it is one. */
function pluralsIn(functions: Functions): ReadonlyMap<string, string> {
  const said = new Map<string, Saying>();
  for (const [functionName, declaration] of functions) {
    for (const kind of kindsOf(declaration)) {
      const { plural } = kind;
      if (plural === undefined) continue;
      const first = said.getOrInsert(groupKind(kind), { functionName, plural });
      if (first.plural === plural) continue;
      const what = `${first.plural} in ${first.functionName}, and ${plural} in ${functionName}`;
      throw new EvenkeelError("FUNCTION_INVALID", `${groupKind(kind)} has the plural ${what}`);
    }
  }
  return new Map([...said].map(([of, { plural }]) => [of, plural]));
}
