/**
 * SHA-256 (FIPS 180-4) of a text's UTF-8 bytes, in base64, as a content security policy names the scripts it allows.
 * Browsers and Node have it only as an asynchronous function; a page is rendered in one synchronous step.
 */
export function sha256Base64(text: string): string {
  const message = new TextEncoder().encode(text);
  const blocks = Math.ceil((message.length + 9) / 64);
  const padded = new Uint8Array(blocks * 64);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(message.length) * 8n);
  let state = primes(8).map((prime) => fraction(Math.sqrt(prime)));
  for (let block = 0; block < blocks; block++) state = compress(state, view, block * 64);
  const digest = new DataView(new ArrayBuffer(32));
  for (const [index, word] of state.entries()) digest.setUint32(index * 4, word);
  return btoa(String.fromCharCode(...new Uint8Array(digest.buffer)));
}

/** The round constants: the first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const roundConstants = primes(64).map((prime) => fraction(exactCubeRoot(prime)));

function compress(state: readonly number[], message: DataView, offset: number): number[] {
  const schedule: number[] = Array.from({ length: 16 }, (_, index) => message.getUint32(offset + index * 4));
  const word = (index: number) => schedule[index] ?? 0;
  for (let index = 16; index < 64; index++) {
    const [early, late] = [word(index - 15), word(index - 2)];
    const sigma0 = rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3);
    const sigma1 = rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10);
    schedule.push((word(index - 16) + sigma0 + word(index - 7) + sigma1) >>> 0);
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let round = 0; round < 64; round++) {
    const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const first = h + sum1 + ((e & f) ^ (~e & g)) + (roundConstants[round] ?? 0) + word(round);
    const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const second = sum0 + ((a & b) ^ (a & c) ^ (b & c));
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) >>> 0, c, b, a, (first + second) >>> 0];
  }
  return [a, b, c, d, e, f, g, h].map((value, index) => (value + (state[index] ?? 0)) >>> 0);
}

function rotate(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

function fraction(value: number): number {
  return Math.floor((value - Math.floor(value)) * 2 ** 32);
}

/** Engines round `Math.cbrt` differently in the last bit; one Newton step from it gives the same number everywhere. */
function exactCubeRoot(value: number): number {
  const root = Math.cbrt(value);
  return root - (root * root * root - value) / (3 * root * root);
}

function primes(count: number): number[] {
  const found: number[] = [];
  for (let candidate = 2; found.length < count; candidate++) {
    if (found.every((prime) => candidate % prime !== 0)) found.push(candidate);
  }
  return found;
}
