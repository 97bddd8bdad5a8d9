/** `npm start`: begins to load the functions, and what else a host is made of while their threads start. */
import { setImmediate } from "node:timers/promises";
import { systemClock } from "../clock/clock.ts";
import type { Host } from "../host/host.ts";
import { suspensionReporter } from "../host/observers.ts";
import { Program } from "../host/program.ts";
import type { Settings } from "../host/settings.ts";
import { openWorker } from "../reconcile/cell/worker-cell.ts";
import { createLogger } from "../trace/logs.ts";
import { demoConfig } from "./demo.ts";
import { newsOf } from "./news.ts";

/** Runs until a signal. @throws EvenkeelError when it cannot start, or LEASE_LOST */
export async function start(settings: Settings): Promise<void> {
  const clock = systemClock;
  const isEmbedded = settings.target.kind === "embedded";
  const log = createLogger({
    stream: process.stdout,
    clock,
    env: process.env,
    verbosity: settings.verbosity,
    format: isEmbedded ? "text" : "auto",
  });
  /** There when the first state is taken in: what changes before that is the second. */
  const hosted = Promise.withResolvers<Host>();
  const program = new Program({
    functionsDir: settings.functionsDir,
    configFile: settings.configFile,
    isConfigOptional: settings.isConfigOptional,
    builtInConfig: isEmbedded ? demoConfig : () => "",
    clock,
    open: openWorker(clock, suspensionReporter(log)),
    onChange(state, before) {
      for (const { message, names } of newsOf(before, state)) log.info(message, { names });
      void hosted.promise.then((host) => host.apply(state));
    },
    onRefused: (error) => log.info("not taken in; what was good goes on", { error }),
  });
  const loading = program.start();
  // It is awaited later: until then its failure is nobody's fault.
  loading.catch(() => {});
  // Imported here, a turn later: the threads start first, and go on while this keeps the main one busy.
  await setImmediate();
  const { run } = await import("./run.ts");
  await run({ settings, clock, log, program, loading, onHost: hosted.resolve });
}
