/**
 * Random numbers: xoshiro128** (Blackman and Vigna 2021, "Scrambled linear pseudorandom number generators",
 * ACM TOMS 47(4)), the same on every machine and backend.
 *
 * A stream is named by a seed and a number, so that every row of a batch draws its own numbers, whatever the other rows
 * do: a row's text does not depend on which rows it was generated with.
 */

export class Random {
  readonly #state: Uint32Array;

  /**
   * @param seed an integer from 0 to 2⁵³ − 1
   * @param stream which of the seed's streams, an integer from 0 to 2³² − 1
   */
  constructor(seed: number, stream = 0) {
    // Words of the seed are absorbed one after the other, each through a full mixing step, then the state is squeezed out.
    let h = 0x9e3779b9;
    for (const word of [seed >>> 0, Math.floor(seed / 2 ** 32), stream]) h = mix((h ^ word) + 0x9e3779b9);
    this.#state = Uint32Array.from({ length: 4 }, (_, i) => mix(h + Math.imul(i + 1, 0x9e3779b9)));
    // The one state that xoshiro never leaves.
    if (this.#state.every((word) => word === 0)) this.#state[0] = 1;
  }

  /** A generator that goes on from the four 32-bit words of `state`, which must not all be 0. */
  static fromState(state: readonly [number, number, number, number]): Random {
    const random = new Random(0);
    random.#state.set(state);
    return random;
  }

  /** An integer, uniform from 0 to 2³² − 1. */
  nextUint32(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#state;
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const third = c ^ a;
    const fourth = d ^ b;
    this.#state.set([a ^ fourth, b ^ third, third ^ (b << 9), rotate(fourth, 11)]);
    return result;
  }

  /** A number with 53 random bits, uniform in [0, 1). */
  uniform(): number {
    const high = this.nextUint32() >>> 5;
    const low = this.nextUint32() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /** An integer, uniform from 0 to n − 1. */
  below(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** The numbers from 0 to n − 1 in a random order, each order as likely (Fisher and Yates 1938). */
  permutation(n: number): number[] {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const last = order[i] as number;
      order[i] = order[j] as number;
      order[j] = last;
    }
    return order;
  }

  /** A draw from the standard normal distribution (Box and Muller 1958). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(this.uniform() + 2 ** -54));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** A draw from the standard Gumbel distribution, −log(−log u); always finite. */
  gumbel(): number {
    return -Math.log(-Math.log(this.uniform() + 2 ** -54));
  }
}

/** The finalizer of MurmurHash3 (Appleby): every bit of the result depends on every bit of `h`. */
function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function rotate(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}
