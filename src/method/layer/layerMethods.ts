/** What the methods that work inside the model share: where they look. */

export interface LayerOptions {
  /**
   * Where: `decoder.3.mlpOutput`, `encoder.*.blockOutput`, or a module's path, such as Inseq's `transformer.h[3].mlp`; one
   * or several. Without it the token embeddings are meant.
   */
  readonly targetLayer?: string | readonly string[];
  /** The input of the named blocks instead of their output. */
  readonly attributeToLayerInput?: boolean;
}

export const layerOptions = ["targetLayer", "attributeToLayerInput"] as const satisfies readonly (keyof LayerOptions)[];
