import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { reportFailure } from "../../runtime/cli/report-failure.ts";
import { EvenkeelError } from "../../runtime/kube/errors.ts";

const cause = new EvenkeelError("FILE_NOT_FOUND", "functions/x.ts");
const bug = new EvenkeelError("BUG", "plan", { cause: new Error("no") });
const foreign = new TypeError("x is not a function");

const invalid = (what: string, of?: unknown): EvenkeelError => new EvenkeelError("CONFIG_INVALID", what, { cause: of });

const rows: readonly { readonly name: string; readonly error: Error; readonly says?: string; readonly code?: 2 }[] = [
  { name: "is told by its message", error: invalid("a") },
  { name: "of the command line ends with exit code 2", error: new EvenkeelError("FLAG_INVALID", "--x"), code: 2 },
  {
    name: "of that of `npm run manifests` too",
    error: new EvenkeelError("MANIFESTS_FLAG_INVALID", "--x"),
    code: 2,
  },
  {
    name: "is told with its cause",
    error: invalid("a", cause),
    says: `${invalid("a").message} (${cause.message})`,
  },
  { name: "that quotes its cause is told once", error: invalid(cause.message, cause) },
  { name: "whose cause is not ours is told without it", error: invalid("a", foreign) },
  { name: "that is a bug is told with its stack", error: bug, says: bug.stack ?? "" },
  { name: "that nobody foresaw is told with its stack", error: foreign, says: foreign.stack ?? "" },
];

suite("a failure", () => {
  for (const { name, error, says = error.message, code = 1 } of rows)
    test(name, () => {
      const lines: string[] = [];
      const write = (line: unknown): boolean => lines.push(String(line)) > 0;
      assert.equal(reportFailure(error, { write }), code);
      assert.deepEqual(lines, [`evenkeel: ${says}\n`]);
    });
});
