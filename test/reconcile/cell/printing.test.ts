/** What a function prints reaches the developer who looks, and nobody else. */
import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import { Printing } from "../../../runtime/reconcile/cell/printing.ts";

/** The thread's console is this process's for the length of a test. */
function printingIn(context: TestContext): Printing {
  const own = globalThis.console;
  context.after(() => {
    globalThis.console = own;
  });
  return new Printing();
}

suite("printing: of what a run says,", () => {
  const rows: readonly { readonly name: string; readonly say: () => void; readonly printed: string }[] = [
    { name: "lines are printed", say: () => console.log("a", { b: 1 }), printed: "a { b: 1 }\n" },
    {
      name: "warnings and errors are as well",
      say: () => (console.warn("%s!", "a"), console.error("b")),
      printed: "a!\nb\n",
    },
    { name: "objects are shown", say: () => console.dir({ a: [1] }), printed: "{ a: [ 1 ] }\n" },
    { name: "an assertion that fails is told", say: () => console.assert(false, "a"), printed: "assertion failed a\n" },
    { name: "one that holds is not", say: () => console.assert(true, "a"), printed: "" },
    {
      name: "counters and timers are there and do nothing",
      say: () => (console.count(), console.time("a"), console.group()),
      printed: "",
    },
    {
      name: "what is too much is cut",
      say: () => {
        for (let i = 0; i < 100; i++) console.log("x".repeat(1_000));
      },
      printed: `${`${"x".repeat(1_000)}\n`.repeat(16)}${"x".repeat(368)}… and more\n`,
    },
  ];
  for (const { name, say, printed } of rows) {
    test(name, (context) => {
      const printing = printingIn(context);
      printing.begin();
      say();
      assert.equal(printing.take(), printed);
    });
  }

  test("nothing is kept before it begins, after it ended, and for the next", (context) => {
    const printing = printingIn(context);
    console.log("before");
    printing.begin();
    console.log("a");
    printing.end();
    console.log("again");
    assert.equal(printing.take(), "a\n");
    console.log("after");
    printing.begin();
    assert.equal(printing.take(), "");
  });
});
