/** What goes through a model: counted where it goes in. */

import type { Model } from "../src/model/model.ts";
import { type Tensor, tensorflow } from "../src/tensor.ts";

export interface Passes {
  /** Calls of the model: of an encoder-decoder model, of its encoder or of its decoder, whichever are more. */
  readonly forwardCalls: number;
  /** Rows of those calls; rows that repeat a sequence for several steps are computed once. */
  readonly forwardRows: number;
  /** Those that are recorded for a backward pass. */
  readonly backwardRows: number;
}

export interface PassCounter {
  /** Since the last reset. */
  read(): Passes;
  reset(): void;
}

interface Count {
  forwardCalls: number;
  forwardRows: number;
  backwardRows: number;
}

export function countPasses(model: Model): PassCounter {
  const counts: Count[] = [];
  const counted = <Pass, Rest extends unknown[], Result>(
    run: (pass: Pass, ...rest: Rest) => Result,
    rowsOf: (pass: Pass) => Tensor,
  ) => {
    const count: Count = { forwardCalls: 0, forwardRows: 0, backwardRows: 0 };
    counts.push(count);
    return (pass: Pass, ...rest: Rest): Result => {
      const rows = rowsOf(pass).shape[0] ?? 0;
      count.forwardCalls++;
      count.forwardRows += rows;
      if (tensorflow.engine().state.gradientDepth > 0) count.backwardRows += rows;
      return run(pass, ...rest);
    };
  };
  if (model.kind === "decoder-only") {
    const forward = model.forward.bind(model);
    Object.assign(model, { forward: counted(forward, (pass: Parameters<typeof forward>[0]) => pass.embeddings_BTD) });
  } else {
    const [encode, decode] = [model.encode.bind(model), model.decode.bind(model)];
    Object.assign(model, {
      encode: counted(encode, (pass: Parameters<typeof encode>[0]) => pass.embeddings_BSD),
      decode: counted(decode, (pass: Parameters<typeof decode>[0]) => pass.embeddings_BTD),
    });
  }
  const most = (of: keyof Count): number => Math.max(...counts.map((count) => count[of]));
  return {
    read: () => ({
      forwardCalls: most("forwardCalls"),
      forwardRows: most("forwardRows"),
      backwardRows: most("backwardRows"),
    }),
    reset() {
      for (const count of counts) Object.assign(count, { forwardCalls: 0, forwardRows: 0, backwardRows: 0 });
    },
  };
}
