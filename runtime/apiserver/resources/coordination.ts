/** coordination.k8s.io: leases, which leader election renews. */
import { at, isObject, without } from "../object.ts";
import { type FieldError, field } from "../status.ts";
import { AGE, NAME, column, text } from "./columns.ts";
import { type Resource, resource } from "./resource.ts";
import { struct } from "./types.ts";

const leases = resource({
  group: "coordination.k8s.io",
  version: "v1",
  resource: "leases",
  singular: "lease",
  kind: "Lease",
  unconditionalUpdate: false,
  createOnUpdate: true,
  description: "Lease defines a lease concept.",
  fields: { spec: { ...struct("LeaseSpec"), default: {} } },
  columns: [
    NAME,
    column("Holder", "The identity of the holder of a current lease.", (object) =>
      text(at(object, "spec", "holderIdentity")),
    ),
    AGE,
  ],
  // Fields of coordinated leader election, a feature that is off where nobody turns it on.
  prepare: (object) => {
    const spec = object["spec"];
    return isObject(spec) ? { ...object, spec: without(spec, "preferredHolder", "strategy") } : object;
  },
  validate(object) {
    const errors: FieldError[] = [];
    const duration = at(object, "spec", "leaseDurationSeconds");
    if (typeof duration === "number" && duration <= 0)
      errors.push(field.invalid("spec.leaseDurationSeconds", duration, "must be greater than 0"));
    const transitions = at(object, "spec", "leaseTransitions");
    if (typeof transitions === "number" && transitions < 0)
      errors.push(field.invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0"));
    return errors;
  },
});

export const COORDINATION: readonly Resource[] = [leases];
