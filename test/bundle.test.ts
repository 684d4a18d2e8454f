import { join } from "node:path";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");

/** Bundles the library as a browser's build would: `browser` in package.json replaces the files for Node. */
async function bundle() {
  return await build({
    absWorkingDir: root,
    entryPoints: ["src/index.ts"],
    bundle: true,
    platform: "browser",
    format: "esm",
    write: false,
    metafile: true,
    logLevel: "silent",
  });
}

describe("the library in a browser", () => {
  it("bundles without an error or warning of ours, without anything of Node", async () => {
    const { errors, warnings, metafile } = await bundle();
    expect(errors).toEqual([]);
    expect(warnings.filter(({ location }) => !location?.file.startsWith("node_modules/"))).toEqual([]);
    const inputs = Object.keys(metafile.inputs);
    expect(inputs).toContain("src/index.ts");
    expect(inputs).toContain("src/platform/browser.ts");
    expect(inputs).toContain("src/platform/browserBackends.ts");
    expect(inputs.filter((path) => /^src\/(?:platform\/node|cli\/)|@tensorflow\/tfjs-node/.test(path))).toEqual([]);
    const external = Object.entries(metafile.inputs).flatMap(([path, { imports }]) =>
      imports.filter((imported) => imported.external).map((imported) => `${path} → ${imported.path}`),
    );
    expect(external).toEqual([]);
  });
});
