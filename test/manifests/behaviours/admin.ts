/** Plain requests to an API server as its admin, over connections that stay open: a process of kubectl for each would be slow. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { Pool } from "undici";
import { z } from "zod";
import type { ControlPlane } from "../../controlplane/control-plane.ts";

const List = z.object({ items: z.array(z.unknown()) });

export class Admin {
  readonly #pool: Pool;
  readonly #token: string;

  private constructor(pool: Pool, token: string) {
    this.#pool = pool;
    this.#token = token;
  }

  static async of({ url, caFile, adminToken }: ControlPlane): Promise<Admin> {
    const ca = await readFile(caFile, "utf8");
    return new Admin(new Pool(url, { connections: 8, connect: { ca } }), adminToken);
  }

  /** @throws AssertionError with the server's words for any status but 2xx and those that are `expected` */
  async send(method: Method, path: string, sent?: object, expected: readonly number[] = []): Promise<unknown> {
    const { statusCode, body } = await this.#pool.request({
      method,
      path,
      headers: {
        authorization: `Bearer ${this.#token}`,
        "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json",
      },
      ...(sent !== undefined && { body: JSON.stringify(sent) }),
    });
    const text = await body.text();
    assert.ok(statusCode < 300 || expected.includes(statusCode), `${method} ${path}: ${statusCode} ${text}`);
    return statusCode < 300 ? JSON.parse(text) : undefined;
  }

  async namespace(name: string): Promise<void> {
    const made = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
    await this.send("POST", "/api/v1/namespaces", made, [409]);
  }

  async items(path: string): Promise<readonly unknown[]> {
    return List.parse(await this.send("GET", path)).items;
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
