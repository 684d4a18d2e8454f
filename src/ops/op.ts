/**
 * How an operation of ours becomes one of TensorFlow.js: a named kernel, and a gradient made of named kernels.
 *
 * `defineKernel` takes the definition of a kernel in plain TensorFlow.js operations. That definition is what runs on
 * every backend which has no kernel of this name of its own, and what a fused kernel is tested against. Nothing is
 * registered when a file is imported: a kernel registers its definition with the backend in use when it is first called.
 */

import {
  backendName,
  hasGradient,
  hasKernel,
  registerGradient,
  registerKernel,
  runKernel,
  type Tensor,
  tidy,
} from "../tensor.ts";
import { noteEntry } from "./tape.ts";

/** Names of a kernel's tensor arguments. */
type Tensors<Name extends string> = { readonly [N in Name]: Tensor };

export interface Kernel<In extends string, Attrs extends object> {
  readonly name: string;
  /** Runs the kernel of the backend in use; the definition where it has none. */
  (inputs: Tensors<In>, attrs: Attrs): Tensor[];
  /** The definition in plain operations, on any backend. */
  readonly reference: (inputs: Tensors<In>, attrs: Attrs) => Tensor[];
}

/**
 * A kernel by its definition, which may leave intermediate tensors behind: they are disposed of here.
 * @param integers the inputs that may be int32; C functions would read the others' bits as floats
 * @throws TypeError by the kernel, when another input is not float32
 */
export function defineKernel<In extends string, Attrs extends object = Record<string, never>>(
  name: string,
  definition: (inputs: Tensors<In>, attrs: Attrs) => Tensor | Tensor[],
  integers: readonly NoInfer<In>[] = [],
): Kernel<In, Attrs> {
  const reference = (inputs: Tensors<In>, attrs: Attrs): Tensor[] => tidy(() => asArray(definition(inputs, attrs)));
  const run = (inputs: Tensors<In>, attrs: Attrs): Tensor[] => {
    for (const input in inputs) {
      const dtype = inputs[input]?.dtype ?? "float32"; // an input that may be left out
      if (dtype !== "float32" && !integers.includes(input)) {
        throw new TypeError(`${name}: expected float32 ${input}, received ${dtype}; cast it to float32 before`);
      }
    }
    const backend = backendName();
    if (!hasKernel(name, backend)) {
      registerKernel(name, backend, (call) => reference(call.inputs as Tensors<In>, call.attrs as Attrs));
    }
    return asArray(runKernel(name, { ...inputs }, attrs));
  };
  return Object.defineProperties(run, {
    name: { value: name },
    reference: { value: reference },
  }) as Kernel<In, Attrs>;
}

export interface Gradient<In extends string, Saved extends In, Attrs> {
  /** The inputs that the gradient needs. */
  readonly saves: readonly Saved[];
  /** Whether the gradient needs the outputs, too: one flag for each. */
  readonly savesOutputs?: readonly boolean[];
  /** For each input the gradient of the result with respect to it, contracted with `dy`; evaluated only where asked. */
  readonly gradient: (
    dy: Tensor,
    saved: Tensors<Saved>,
    attrs: Attrs,
    outputs: readonly Tensor[],
  ) => { readonly [I in In]?: () => Tensor };
}

export interface Op<In extends string, Attrs extends object> {
  (inputs: Tensors<In>, attrs: Attrs): Tensor;
  /** As if it had been called and had given these outputs, which another kernel computed together with other things. */
  readonly note: (inputs: Tensors<In>, attrs: Attrs, outputs: readonly Tensor[]) => void;
}

/** A differentiable operation: calling it runs `kernel`, and `tf.grad` differentiates it by the given rule. */
export function defineOp<In extends string, Saved extends In, Attrs extends object>(
  kernel: Kernel<In, Attrs>,
  rule: Gradient<In, Saved, Attrs>,
): Op<In, Attrs> {
  const { name } = kernel;
  const run = (inputs: Tensors<In>, attrs: Attrs): Tensor => {
    if (!hasGradient(name)) register(name, rule);
    return first(kernel(inputs, attrs));
  };
  const note = (inputs: Tensors<In>, attrs: Attrs, outputs: readonly Tensor[]): void => {
    if (!hasGradient(name)) register(name, rule);
    const saved = [...rule.saves.map((input) => inputs[input]), ...outputs.filter((_, i) => rule.savesOutputs?.[i])];
    noteEntry(name, inputs, outputs, saved, attrs);
  };
  return Object.assign(run, { note });
}

function register<In extends string, Saved extends In, Attrs extends object>(
  name: string,
  rule: Gradient<In, Saved, Attrs>,
): void {
  const saved = { inputs: [...rule.saves], outputs: [...(rule.savesOutputs ?? [false])] };
  registerGradient(name, saved, (dy, tensors, attrs) => {
    const inputs = Object.fromEntries(rule.saves.map((input, i) => [input, tensors[i]])) as Tensors<Saved>;
    const outputs = tensors.slice(rule.saves.length);
    return { ...rule.gradient(first(asArray(dy)), inputs, attrs as Attrs, outputs) } as Record<string, () => Tensor>;
  });
}

function asArray(outputs: Tensor | Tensor[]): Tensor[] {
  return Array.isArray(outputs) ? outputs : [outputs];
}

/** The only, or the principal, output of a kernel. */
export function first(outputs: readonly Tensor[]): Tensor {
  const [output] = outputs;
  if (output === undefined) throw new RangeError("a kernel returned no output");
  return output;
}
