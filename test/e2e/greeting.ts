/** A function for tests: one ConfigMap beside each source. */

export const greeting = (words: string): string => `import { ConfigMap, defineFunction, select } from "#evenkeel";
export default defineFunction({
  watches: select(ConfigMap, { labels: { mirror: "true" } }),
  writes: [ConfigMap],
  reconcile: ({ metadata: { namespace } }) => ({
    children: [{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "greeting", namespace }, data: { says: "${words}" } }],
  }),
});
`;
