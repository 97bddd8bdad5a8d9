/** The package has no types of its own; this is what the tests use of it. */
declare module "parse-prometheus-text-format" {
  interface ParsedFamily {
    readonly name: string;
    /** `COUNTER`, `GAUGE`, `HISTOGRAM` */
    readonly type: string;
    readonly metrics: readonly { readonly labels?: Readonly<Record<string, string>> }[];
  }
  export default function parsePrometheusTextFormat(text: string): readonly ParsedFamily[];
}
