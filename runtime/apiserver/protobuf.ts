/**
 * The protobuf bodies that kubectl and typed Go clients send for built-in kinds. Answers are JSON, which the same clients
 * accept.
 */
import { openEnvelope, ProtobufError, readMessage, type Message } from "../kube/protobuf.ts";
import type { JsonObject } from "./object.ts";
import { badRequest } from "./status.ts";

/**
 * @param describe the message of a kind, by apiVersion and kind; undefined when it is not known.
 * @throws ApiError 400 for bytes that are not such a message, an unknown kind or an unknown field.
 */
export function parseProtobuf(
  body: Buffer,
  describe: (apiVersion: string, kind: string) => Message | undefined,
): JsonObject {
  try {
    const { apiVersion, kind, raw } = openEnvelope(body);
    const message = describe(apiVersion, kind);
    if (message === undefined) throw new ProtobufError(`${apiVersion} ${kind} is not known`);
    const fields = readMessage(raw, message, kind);
    // Without raw fields in the message, all that comes of it is JSON.
    return { apiVersion, kind, ...(fields as JsonObject) };
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
    throw badRequest(`the protobuf body is not understood: ${error.message}; send JSON`);
  }
}
