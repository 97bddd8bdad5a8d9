/**
 * Counters and gauges whose series are plain numbers between two scrapes: prom-client looks a series up by its labels at each
 * step, and a reconcile takes six.
 */
import type { Counter, Gauge, Registry } from "./prom-client.ts";

/** One number on the page. */
export interface Series {
  value: number;
  /** Takes it off the page. */
  close(): void;
}

/** What one name on the page stands for: the series of these labels, on the page from now on, at zero. No two at a time have the same. */
export type Family<Label extends string> = (labels: Readonly<Record<Label, string>>) => Series;

export function family<Label extends string>(
  registry: Registry,
  type: typeof Counter | typeof Gauge,
  { name, help, labelNames }: { readonly name: string; readonly help: string; readonly labelNames: readonly Label[] },
): Family<Label> {
  const open = new Map<Series, Readonly<Record<Label, string>>>();
  const metric: Counter<Label> | Gauge<Label> = new type<Label>({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      metric.reset();
      for (const [{ value }, labels] of open) metric.inc(labels, value);
    },
  });
  return (labels) => {
    const series: Series = { value: 0, close: () => void open.delete(series) };
    open.set(series, labels);
    return series;
  };
}
