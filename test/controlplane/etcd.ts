/** What tests do to etcd behind the API server's back, over its JSON gateway. */

import { z } from "zod";

/** The revision is a 64-bit number as a string. */
const RangeAnswer = z.object({ header: z.object({ revision: z.string() }) });

/** Of one transaction. Source: etcd embed.DefaultMaxTxnOps. */
const MAX_OPERATIONS = 128;

/** History up to now is gone, and what asks for it gets 410 from the API server. @param url of etcd's client port */
export async function compactEtcd(url: string): Promise<void> {
  // Any read tells the revision: this one asks for the key "a", and for its number only.
  const answer = await post(`${url}/v3/kv/range`, { key: "YQ==", count_only: true });
  const { header } = RangeAnswer.parse(answer);
  await post(`${url}/v3/kv/compaction`, { revision: header.revision, physical: true });
}

interface Entry {
  readonly key: string;
  readonly value: string;
}

/**
 * Puts the entries in, many at one revision, which the API server never does: lists show them all, watches that are open
 * meanwhile may not.
 * @param url of etcd's client port
 */
export async function fillEtcd(url: string, entries: readonly Entry[]): Promise<void> {
  const put = ({ key, value }: Entry): object => ({
    requestPut: { key: Buffer.from(key).toString("base64"), value: Buffer.from(value).toString("base64") },
  });
  for (let start = 0; start < entries.length; start += MAX_OPERATIONS)
    await post(`${url}/v3/kv/txn`, { success: entries.slice(start, start + MAX_OPERATIONS).map(put) });
}

async function post(url: string, body: object): Promise<unknown> {
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`etcd: ${url} answers ${response.status}: ${await response.text()}`);
  return response.json();
}
