/**
 * What this project relies on an API server to do, as one table of cases. The embedded server runs it in virtual time,
 * a real kube-apiserver in real time: where they differ, the embedded one is wrong.
 */
import type { Case } from "./contract/case.ts";
import { CREATE } from "./contract/create.ts";
import { DELETE } from "./contract/delete.ts";
import { DEPLOYMENTS } from "./contract/deployments.ts";
import { ERRORS } from "./contract/errors.ts";
import { EVENTS } from "./contract/events.ts";
import { LIST } from "./contract/list.ts";
import { METADATA } from "./contract/metadata.ts";
import { NAMESPACES } from "./contract/namespaces.ts";
import { PATCH } from "./contract/patch.ts";
import { REVIEWS } from "./contract/reviews.ts";
import { SERVER_SIDE_APPLY } from "./contract/server-side-apply.ts";
import { SUBRESOURCES } from "./contract/subresources.ts";
import { UPDATE } from "./contract/update.ts";
import { WATCH } from "./contract/watch.ts";

export const CONTRACT: Readonly<Record<string, readonly Case[]>> = {
  create: CREATE,
  update: UPDATE,
  patch: PATCH,
  "server-side apply": SERVER_SIDE_APPLY,
  delete: DELETE,
  list: LIST,
  watch: WATCH,
  metadata: METADATA,
  subresources: SUBRESOURCES,
  deployments: DEPLOYMENTS,
  events: EVENTS,
  namespaces: NAMESPACES,
  reviews: REVIEWS,
  errors: ERRORS,
};
