/** Pieces of a body put together. */

export function joined(pieces: readonly Uint8Array<ArrayBuffer>[], size?: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size ?? pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.byteLength;
  }
  return whole;
}
