/**
 * Names of the weights of Hugging Face's TensorFlow models, as its PyTorch models call the same numbers:
 *
 *     tfgpt2lm_head_model/transformer/h_._0/ln_1/gamma:0   transformer.h.0.ln_1.weight
 *     tf_marian_mt_model/model/encoder/layers.0/fc1/kernel:0   model.encoder.layers.0.fc1.weight, transposed
 *
 * The first part names the whole model, `_._` is a slash, `scope___name` is `name`, kernels are [in, out], and vectors may
 * have an axis of size 1 in front. The rules are those by which transformers itself moves weights between the two
 * (modeling_tf_pytorch_utils.py). A name without a slash is not TensorFlow's.
 */

const leaves = new Map([
  ["kernel", "weight"],
  ["embeddings", "weight"],
  ["gamma", "weight"],
  ["beta", "bias"],
]);

/** The name and shape that PyTorch's model has for a weight, and whether its matrix is the transpose of the stored one. */
export function pytorchName(name: string, shape: readonly number[]) {
  if (!name.includes("/")) return { name, shape, transpose: false };
  const parts = name
    .replace(/:0$/, "")
    .replaceAll("_._", "/")
    .split("/")
    .filter((part) => part !== "")
    .map((part) => part.replace(/^.*___/, ""));
  const leaf = parts.at(-1) ?? "";
  const own = [...parts.slice(1, -1), leaves.get(leaf) ?? leaf].join(".");
  const [first, ...rest] = shape;
  const isVector = shape.length === 2 && first === 1 && leaf === "bias";
  const transpose = leaf === "kernel" && shape.length === 2;
  return { name: own, shape: isVector ? rest : transpose ? shape.toReversed() : shape, transpose };
}
