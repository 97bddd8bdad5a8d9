/** The admission policies as the API server has them. */
import { z } from "zod";
import { until } from "../support/wait.ts";
import type { Deployed } from "./deployed.ts";

/** What looks at the types, as a control plane's `controllers` names it. */
export const TYPE_CHECKER = "validatingadmissionpolicy-status-controller";

const Policies = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), generation: z.number() }),
      status: z
        .object({
          observedGeneration: z.number(),
          typeChecking: z.object({ expressionWarnings: z.array(z.unknown()).optional() }),
        })
        .partial()
        .optional(),
    }),
  ),
});

/** @returns name → what the API server says about the types of its expressions, once it has looked at all of them. */
export async function typeWarnings(deployed: Deployed): Promise<Readonly<Record<string, readonly unknown[]>>> {
  const checked = async (): Promise<z.infer<typeof Policies>["items"] | undefined> => {
    const { items } = Policies.parse(
      JSON.parse(await deployed.admin("get", "validatingadmissionpolicies", "-o", "json")),
    );
    const isChecked = items.every(({ metadata, status }) => status?.observedGeneration === metadata.generation);
    return isChecked ? items : undefined;
  };
  const items = await until(checked, { what: "the policies are type checked" });
  return Object.fromEntries(
    items.map(({ metadata, status }) => [metadata.name, status?.typeChecking?.expressionWarnings ?? []]),
  );
}
