/**
 * The sampler that `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` name. It decides what is exported; everything is
 * recorded, so that the recent traces are complete at any ratio. Reconcile traces have no parent from outside: with and
 * without `parentbased_` means the same for them.
 */
import { SpanKind, TraceFlags } from "@opentelemetry/api";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  createAlwaysRecordSampler,
  ParentBasedSampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
  type Sampler,
} from "@opentelemetry/sdk-trace";
import type { Sampling } from "./memory-tracer.ts";

/** @param complain is told about a value that cannot be used, in one sentence; the default is then in force. */
export function samplerFor(env: NodeJS.ProcessEnv, complain: (sentence: string) => void): Sampler {
  return createAlwaysRecordSampler(new ParentBasedSampler({ root: rootSampler(env, complain) }));
}

/** What the sampler says, for spans that are not the SDK's. */
export function samplingBy(sampler: Sampler): Sampling {
  return (traceId, name, { kind = SpanKind.INTERNAL, attributes = {}, links = [] }, context) => {
    const { decision } = sampler.shouldSample(context, traceId, name, kind, attributes, links);
    return decision === SamplingDecision.RECORD_AND_SAMPLED ? TraceFlags.SAMPLED : TraceFlags.NONE;
  };
}

function rootSampler(env: NodeJS.ProcessEnv, complain: (sentence: string) => void): Sampler {
  const name = env["OTEL_TRACES_SAMPLER"]?.trim();
  switch (name) {
    case undefined:
    case "":
    case "always_on":
    case "parentbased_always_on":
      return new AlwaysOnSampler();
    case "always_off":
    case "parentbased_always_off":
      return new AlwaysOffSampler();
    case "traceidratio":
    case "parentbased_traceidratio":
      return new TraceIdRatioBasedSampler(ratio(env["OTEL_TRACES_SAMPLER_ARG"], complain));
    default:
      complain(`OTEL_TRACES_SAMPLER=${name} is not a known sampler; every trace is exported`);
      return new AlwaysOnSampler();
  }
}

function ratio(text: string | undefined, complain: (sentence: string) => void): number {
  if (text === undefined || text.trim() === "") return 1;
  const value = Number(text);
  if (value >= 0 && value <= 1) return value;
  complain(`OTEL_TRACES_SAMPLER_ARG=${text} is not a ratio between 0 and 1; every trace is exported`);
  return 1;
}
