/**
 * The entry of `npm start` and of the image: switches on the compile cache, then goes on in TypeScript.
 *
 * The one file here that is not: Node takes types out of a file with a program of its own, 3.7 MiB of source for every thread
 * that loads it, unless the compile cache has what came of it the last time; and only what runs before the first .ts file can
 * switch that on in time. A Node that cannot read TypeScript gets as far as this, too, and says so.
 */
// Not by its names: an older Node would not even link this file.
import module from "node:module";
import v8 from "node:v8";

if (Number(process.versions.node.split(".")[0]) < 26) {
  console.error(
    `evenkeel needs Node 26 and this is ${process.version}; run it with \`npm start\`, which brings its own`,
  );
  process.exit(1);
}

// V8 places what a line of code makes among the long-lived, once most of what it made has lived long: so at the start, when
// everything that is listed stays. Later the same lines make what lives for a reconcile, and each waits for a collection of the
// whole heap: after a start with 20 000 copies 85 of 120 MB on it were dead, and 80 of 310 MB of the process.
v8.setFlagsFromString("--no-allocation-site-pretenuring");

// In the folder for temporary files, or where NODE_COMPILE_CACHE says, as in the image. Where it cannot be had, a start takes
// longer, and nothing is said.
module.enableCompileCache();

await import("./main.ts");
