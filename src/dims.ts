/**
 * Shapes are checked where tensors enter a function: `const { B, T, D } = dims("attention: query", x_BTD, "B T D")`.
 *
 * The letters are the library's dimension key (CONTRIBUTING.md, "Dimension letters"). The result's type has exactly the letters
 * of the pattern. A letter that already has a size (third argument) must match it.
 */

import { ShapeError } from "./errors.ts";

type Letters<Pattern extends string> = Pattern extends `${infer Head} ${infer Tail}` ? Head | Letters<Tail> : Pattern;

/**
 * The sizes of `tensor`'s axes by letter.
 * @throws ShapeError when the rank differs from the pattern or a size from the expected one.
 */
export function dims<const Pattern extends string>(
  what: string,
  tensor: { readonly shape: readonly number[] },
  pattern: Pattern,
  expected: { readonly [Letter in Letters<Pattern>]?: number | undefined } = {},
): { readonly [Letter in Letters<Pattern>]: number } {
  const letters = pattern.split(" ") as Letters<Pattern>[];
  const sizes: Partial<Record<Letters<Pattern>, number>> = {};
  let fits = tensor.shape.length === letters.length;
  for (const [axis, letter] of letters.entries()) {
    const size = tensor.shape[axis];
    const known = sizes[letter] ?? expected[letter];
    fits &&= size !== undefined && (known === undefined || known === size);
    if (size !== undefined) sizes[letter] = size;
  }
  if (fits) return sizes as { readonly [Letter in Letters<Pattern>]: number };
  const fixed = letters
    .filter((letter) => expected[letter] !== undefined)
    .map((letter) => `${letter}=${expected[letter]}`);
  const condition = fixed.length > 0 ? ` with ${fixed.join(", ")}` : "";
  throw new ShapeError(
    `${what}: expected shape [${letters.join(", ")}]${condition}, received [${tensor.shape.join(", ")}]`,
  );
}
