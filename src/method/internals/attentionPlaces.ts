/** The attentions of a model: of its encoder, of its decoder, and of the decoder to the encoder. */

import type { Site } from "../../model/sites.ts";

export type AttentionPlace = Pick<Site, "stack" | "attention">;

export const attentionPlaces = {
  encoder: { stack: "encoder", attention: "self" },
  decoder: { stack: "decoder", attention: "self" },
  cross: { stack: "decoder", attention: "cross" },
} as const satisfies Record<string, AttentionPlace>;
