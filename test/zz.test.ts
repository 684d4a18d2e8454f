import * as tf from "@tensorflow/tfjs";
import { test } from "vitest";
import { loadModel } from "../src/loadModel.ts";
import { findScore, listStepFunctions } from "../src/score/registry.ts";
import { architectures, goldenPath } from "./support/goldenResults.ts";

test("x", async () => {
  const all = new Map<string, Set<string>>();
  for (const arch of architectures) {
    const m = await loadModel(goldenPath(arch, "model"));
    const model = m.model as any;
    tf.tidy(() => {
      const e: any = tf.engine();
      const ids = tf.tensor2d([[5, 6, 7]], [1, 3], "int32");
      e.startTape();
      let logits: any;
      if (model.kind === "decoder-only")
        logits = model.forward({ embeddings_BTD: model.embed(ids), targets_B: tf.tensor1d([2], "int32") });
      else
        logits = model.decode(
          { embeddings_BTD: model.embedTarget(ids), targets_B: tf.tensor1d([2], "int32") },
          model.encode({ embeddings_BSD: model.embedSource(ids) }),
        );
      if (arch === "gpt2")
        for (const s of listStepFunctions()) {
          const score = findScore(s);
          if (score.differentiable)
            score.compute({
              logits_RV: logits,
              targets_R: tf.tensor1d([3], "int32"),
              contrast: { logits_RV: logits, targets_R: tf.tensor1d([4], "int32") },
              options: {},
            } as any);
        }
      e.endTape();
      for (const n of e.state.activeTape) {
        const k = n.kernelName + (n.gradient ? "" : " (no gradient)");
        if (!all.has(k)) all.set(k, new Set());
        all.get(k)!.add(arch);
        for (const t of n.saved ?? []) t.dispose();
      }
      e.state.activeTape = null;
    });
    m.dispose();
  }
  for (const [k, s] of all) console.log(k, s.size > 6 ? s.size : [...s].join(" "));
});
