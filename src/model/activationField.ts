/** The field of a config that names an activation function. */

import { type Activation, activationNames } from "../ops/activation.ts";
import type { Field } from "./configField.ts";

/** An activation by its Hugging Face name, for instance `swish`, which is our `silu`. */
export function activation(names: string | readonly string[], fallback?: Activation): Field<Activation> {
  return {
    names: typeof names === "string" ? [names] : names,
    expected: `one of ${Object.keys(activationNames)
      .map((known) => JSON.stringify(known))
      .join(", ")}`,
    accept: (value) =>
      typeof value === "string" && Object.hasOwn(activationNames, value) ? activationNames[value] : undefined,
    fallback,
  };
}
