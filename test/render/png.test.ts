import { expect, test } from "vitest";
import { renderPlot } from "../../src/render/plot.ts";
import { renderPng } from "../../src/render/png.ts";

const svg = renderPlot({ kind: "bars", names: ["a"], series: [{ name: "s", values: [1] }] }, { width: 200 });

test("a picture has the figure's size, times the scale, and its colours", async () => {
  const size = (name: string): number => Number(new RegExp(`<svg [^>]*${name}="(\\d+)"`).exec(svg)?.[1]);
  for (const scale of [1, 2, 3.5]) {
    const png = await renderPng(svg, { scale });
    expect([...png.subarray(0, 8)]).toEqual([137, 80, 78, 71, 13, 10, 26, 10]);
    // The header's chunk: width and height in big-endian order (PNG specification, 11.2.1).
    const header = new DataView(png.buffer, png.byteOffset + 16, 8);
    expect(Math.abs(header.getUint32(0) - size("width") * scale)).toBeLessThanOrEqual(1);
    expect(Math.abs(header.getUint32(4) - size("height") * scale)).toBeLessThanOrEqual(1);
  }
});

test("what is no figure, and no size, is refused", async () => {
  await expect(renderPng("<svg")).rejects.toThrow();
  await expect(renderPng(svg, { scale: 0 })).rejects.toThrow(/from above 0 to 20, received 0/);
});
