/**
 * Quantities of resources (`500m`, `1.5Gi`) in the form in which a server stores them: `1000m` is `1`, `1024Mi` is `1Gi`.
 * Who compares what was sent with what is stored must expect it.
 * Source: apimachinery pkg/api/resource/quantity.go (ParseQuantity, CanonicalizeBytes).
 */

const FORM = /^([+-]?)(?=\.?\d)(\d*)\.?(\d*)(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d{1,3}))?$/;
/** By thousands, from a billionth upwards; the whole ones have none. */
const DECIMAL = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
/** By 1024ths. */
const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const ONE = 1_000_000_000n;

/** @returns undefined when `text` is no quantity. */
export function canonicalQuantity(text: string): string | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [, sign = "", whole = "", fraction = "", binary, decimal, exponent] = match;
  const size = nanos(
    BigInt(whole + fraction),
    powerOfTen(decimal, exponent) - fraction.length,
    BINARY.indexOf(binary ?? ""),
  );
  return (sign === "-" && size !== 0n ? "-" : "") + shown(size, binary !== undefined, exponent !== undefined);
}

function powerOfTen(suffix: string | undefined, exponent: string | undefined): number {
  return exponent === undefined ? 3 * DECIMAL.indexOf(suffix ?? "") - 9 : Number(exponent);
}

/** What is smaller than a billionth is rounded up. */
function nanos(digits: bigint, tens: number, kibis: number): bigint {
  const units = digits * 1024n ** BigInt(kibis);
  const power = tens + 9;
  if (power >= 0) return units * 10n ** BigInt(power);
  const divisor = 10n ** BigInt(-power);
  return (units + divisor - 1n) / divisor;
}

function shown(size: bigint, isBinary: boolean, isExponent: boolean): string {
  if (size === 0n) return "0";
  // Small and broken amounts would lose precision in powers of two.
  if (isBinary && size >= 1024n * ONE && size % ONE === 0n) {
    const [rest, index] = reduced(size / ONE, 1024n, BINARY.length);
    return `${rest}${BINARY[index]}`;
  }
  const [rest, index] = reduced(size, 1000n, DECIMAL.length);
  const power = 3 * index - 9;
  return isExponent && power !== 0 ? `${rest}e${power}` : `${rest}${DECIMAL[index]}`;
}

/** `size` as `rest` × `base` to the power of `index`, with the largest index there is. */
function reduced(size: bigint, base: bigint, indexes: number): readonly [rest: bigint, index: number] {
  let [rest, index] = [size, 0];
  while (index + 1 < indexes && rest % base === 0n) [rest, index] = [rest / base, index + 1];
  return [rest, index];
}
