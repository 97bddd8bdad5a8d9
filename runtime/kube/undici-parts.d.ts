/** undici types its index alone. */
declare module "undici/lib/dispatcher/pool.js" {
  export { Pool as default } from "undici";
}
