/** A manifest: Kubernetes objects as a file of YAML, with remarks beside the lines that need a reason. */
import { Document, isMap, isNode, isScalar, isSeq, visit, type YAMLSeq } from "yaml";
import { EvenkeelError } from "../kube/errors.ts";

/** Where in the object, and what is said there: a comment above that line. */
interface Remark {
  /** Keys and indexes: `["rules", 0]` */
  readonly at: readonly (string | number)[];
  readonly says: string;
}

export interface Manifest {
  readonly object: object;
  readonly remarks?: readonly Remark[];
}

/** Every generated file begins with it: what is edited by hand is lost at the next run. */
export const HEADER = "# Written by `npm run manifests` from the functions and evenkeel.yaml; a change here is lost.\n";

/** The text of one file: the same for the same manifests, to the byte. */
export function renderFile(manifests: readonly Manifest[]): string {
  return HEADER + manifests.map(render).join("---\n");
}

function render({ object, remarks = [] }: Manifest): string {
  // Kubernetes reads YAML 1.1, where a bare `on` is a boolean.
  const document = new Document(object, { compat: "yaml-1.1", aliasDuplicateObjects: false });
  visit(document, { Seq: (_, list) => onOneLine(list) });
  for (const { at, says } of remarks) commentAbove(document, at, says);
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

/** Short lists of plain words. What else is in one is quoted: Go's reader takes offence at a `:` in it. */
function onOneLine(list: YAMLSeq): void {
  const words = list.items.map((item) => (isScalar(item) ? String(item.value) : undefined));
  list.flow = words.every((word) => word !== undefined) && words.join(", ").length < 80;
  for (const item of list.flow ? list.items : [])
    if (isScalar(item) && !/^\w[\w.-]*$/.test(String(item.value))) item.type = "QUOTE_DOUBLE";
}

function commentAbove(document: Document, at: Remark["at"], says: string): void {
  const comment = says.replaceAll(/^/gm, " ");
  const parent = document.getIn(at.slice(0, -1), true);
  const last = at.at(-1);
  if (isSeq(parent) && typeof last === "number" && isNode(parent.items[last])) {
    parent.items[last].commentBefore = comment;
    return;
  }
  const pair = isMap(parent) ? parent.items.find(({ key }) => isScalar(key) && key.value === last) : undefined;
  if (!isScalar(pair?.key)) throw new EvenkeelError("BUG", `there is no ${at.join(".")} to remark upon`);
  pair.key.commentBefore = comment;
}
