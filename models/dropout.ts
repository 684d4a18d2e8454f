/** What is dropped in training, by the names that several families give it in their configs. */

import type { DropoutAttributes } from "../src/model/dropout.ts";

/** A rate for both of what is added to the residual stream. */
export function residualDropout(attribute: string, rate: number): DropoutAttributes {
  return { attentionOutput: [attribute, rate], mlpOutput: [attribute, rate] };
}

/** OpenAI's names. */
export function gptDropout(rate: number, attention = "attn_pdrop"): DropoutAttributes {
  return {
    embedding: ["embd_pdrop", rate],
    attention: [attention, rate],
    ...residualDropout("resid_pdrop", rate),
  };
}

/** fairseq's names; rates of attention differ between families. */
export function fairseqDropout(attention: number): DropoutAttributes {
  return {
    embedding: ["dropout", 0.1],
    attention: ["attention_dropout", attention],
    ...residualDropout("dropout", 0.1),
    activation: ["activation_dropout", 0],
  };
}

/** `hidden_dropout` of what is added to the residual stream. */
export const hiddenDropout: DropoutAttributes = {
  attention: ["attention_dropout", 0],
  ...residualDropout("hidden_dropout", 0),
};
