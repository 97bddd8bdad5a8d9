/** review: a create of a question. The answer is its status; nothing is kept. */
import type { Call } from "../call.ts";
import { writeOptions } from "../options.ts";
import { readObject } from "../request-body.ts";

export async function review(call: Call): Promise<Response> {
  const { fieldValidation } = writeOptions(call.query, "CreateOptions");
  const { object, warnings } = await readObject(call.request, call.resource, fieldValidation);
  call.warn(warnings);
  return call.json({ ...object, status: call.resource.answer }, 201);
}
