import { expect, test } from "vitest";
import { type Report, renderReport } from "../../src/render/report.ts";
import { countElements } from "./wellFormed.ts";

const report: Report = {
  title: "Methods <b>compared</b>",
  subtitle: "a model",
  sections: [
    {
      heading: "Faithfulness",
      blocks: [
        { kind: "text", text: "Higher is better; <script>alert(1)</script> is text." },
        {
          kind: "table",
          caption: "AUPRC & notes",
          columns: ["method", "AUPRC", "note"],
          rows: [
            ["random", "−0.1 ± 0.2", "floor"],
            ["saliency", "0.4", "3"],
          ],
          strong: [[1, 1]],
        },
        {
          kind: "plot",
          plot: { kind: "bars", names: ["a"], series: [{ name: "s", values: [1] }] },
          caption: "One & only",
        },
      ],
    },
  ],
};

test("a report has its text, its tables, and its plots in both themes; nothing is loaded and nothing runs", () => {
  const page = renderReport(report);
  expect(page).toContain('<th scope="row">saliency</th><td><strong>0.4</strong></td><td class="words">3</td>');
  expect(page).toContain("<h3>AUPRC &amp; notes</h3>");
  expect(page).toContain('<th scope="col">AUPRC</th><th scope="col" class="words">note</th>');
  expect(page.match(/<svg /g)).toHaveLength(2);
  expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt; is text.");
  expect(page).not.toMatch(/<script|src=|href=|url\(|style="|@import/);
  expect(page).toMatch(/default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'/);
  const body = page.slice(page.indexOf("<body>"), page.indexOf("</html>"));
  expect(countElements(body)).toBeGreaterThan(20);
});

test("a theme of its own", () => {
  expect(renderReport(report, { theme: "dark" })).toContain('<html lang="en" data-theme="dark">');
  expect(() => renderReport(report, { theme: "grey" as never })).toThrow(/theme/);
});
