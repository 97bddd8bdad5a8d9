/** The contract on the embedded server, in process and in virtual time. */
import { suite, test } from "node:test";
import { CONTRACT } from "./contract.ts";
import { roomIn } from "./contract/case.ts";
import { world } from "./world.ts";

for (const [part, cases] of Object.entries(CONTRACT))
  suite(`the embedded API server: ${part}`, () => {
    for (const { name, run } of cases)
      test(name, async () => {
        const { api, clock, server } = world();
        await run(await roomIn({ client: api, wait: (ms) => clock.advance(ms) }, 1));
        await server.close();
      });
  });
