/** The page's style sheet: a quiet page in light and dark, on which only scores have colour. */

import { colorFor, type HexColor, type Theme, textColorFor } from "../colorScale.ts";

/** Steps of each arm of the colour scale, one class each (`p1` ... `p50`, `n1` ... `n50`): finer than the eye. */
export const colorSteps = 50;

export function styleSheet(): string {
  return `:root{${neutral}}${layout}${ramps()}${scoreClasses()}`;
}

/** Cards have the scale's neutral colour, so that a score of zero cannot be told from no colour. */
const neutral = `--card:${ground(0, "light")};--card:light-dark(${ground(0, "light")},${ground(0, "dark")})`;

/** The legend's colour bar. Browsers that do not mix in OKLab mix in sRGB, which differs little over these distances. */
function ramps(): string {
  const ramp = (name: string, strengths: readonly number[]) => {
    const stops = strengths.map((strength) => `light-dark(${ground(strength, "light")},${ground(strength, "dark")})`);
    const old = strengths.map((strength) => ground(strength, "light"));
    return `.${name}{background:linear-gradient(to right,${old});background:linear-gradient(to right in oklab,${stops})}`;
  };
  return `${ramp("ramp", [0, 1])}\n${ramp("ramp.signed", [-1, 0, 1])}\n`;
}

function ground(strength: number, theme: Theme): HexColor {
  return colorFor(strength, 1, theme) ?? "#000000";
}

/** Both themes in one rule each; a browser without `light-dark()` (before 2024) keeps the light colours. */
function scoreClasses(): string {
  const steps = Array.from({ length: colorSteps }, (_, index) => index + 1);
  return ["p", "n"]
    .flatMap((arm) => steps.map((step) => scoreClass(`${arm}${step}`, (arm === "p" ? step : -step) / colorSteps)))
    .join("\n");
}

function scoreClass(name: string, strength: number): string {
  const [light, dark] = [ground(strength, "light"), ground(strength, "dark")];
  const [lightText, darkText] = [textColorFor(light, "light"), textColorFor(dark, "dark")];
  return (
    `.${name}{background:${light};color:${lightText};` +
    `background:light-dark(${light},${dark});color:light-dark(${lightText},${darkText})}`
  );
}

const layout = `
:root{color-scheme:light dark;
--page:#f6f6f4;--ink:#1d2129;--soft:#5d6470;--faint:#6b717d;--line:#e3e3df;--accent:#1d2129;
--page:light-dark(#f6f6f4,#101216);--ink:light-dark(#1d2129,#e4e6eb);
--soft:light-dark(#5d6470,#a3a9b5);--faint:light-dark(#6b717d,#868d9a);--line:light-dark(#e3e3df,#2d323b);
--accent:light-dark(#1d2129,#f2f3f5);
--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans","Liberation Sans",Arial,sans-serif}
:root[data-theme=light]{color-scheme:light}
:root[data-theme=dark]{color-scheme:dark}
*{box-sizing:border-box}
[hidden]{display:none!important}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 var(--sans);-webkit-text-size-adjust:100%}
.page{max-width:1180px;margin:0 auto;padding:40px 28px 64px}
header{display:flex;flex-wrap:wrap;gap:16px 32px;align-items:flex-end;justify-content:space-between;margin-bottom:28px}
h1{font-size:28px;line-height:1.15;font-weight:650;letter-spacing:-.015em;margin:0}
.subtitle{margin:6px 0 0;color:var(--soft);font-size:14px}
h2{font-size:12px;font-weight:600;color:var(--faint);letter-spacing:.06em;text-transform:uppercase;margin:0 0 10px}
.controls{display:flex;flex-wrap:wrap;gap:10px;align-items:center;font-size:13px}
.controls label{color:var(--soft)}
button,select{font:inherit;color:inherit}
.controls button,.controls select{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:6px 12px;
min-height:34px;cursor:pointer}
.controls select{margin-left:6px;max-width:260px;padding:6px 8px}
.switch{display:inline-flex}
.switch button{border-radius:0;margin-left:-1px;color:var(--soft)}
.switch button:first-child{border-radius:8px 0 0 8px}
.switch button:last-child{border-radius:0 8px 8px 0}
.switch button[aria-pressed=true]{background:var(--ink);color:var(--card);border-color:var(--ink)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.reading{display:grid;grid-template-columns:minmax(0,1fr) 340px;gap:20px;align-items:start}
.card{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:26px 30px}
.flow{font-size:19px;line-height:2.05;font-kerning:none;margin:0 0 30px;white-space:pre-wrap;overflow-wrap:anywhere}
.flow.scored{line-height:2.55}
.token{border-radius:4px;padding:.17em .07em;margin:0 -.07em;-webkit-box-decoration-break:clone;box-decoration-break:clone;
cursor:default}
.token.joined{margin-left:0;padding-left:0}
.token.special{font-size:.72em;margin:0 .25em}
.token.special:not([class*=" p"]):not([class*=" n"]){color:var(--faint)}
.later{color:var(--faint)}
.output{position:relative;margin:0 1px;border:0;background:none;font:inherit;line-height:1.35;cursor:pointer;padding:.1em .07em;
white-space:pre-wrap;overflow-wrap:anywhere;text-align:center;box-shadow:inset 0 -1.5px 0 var(--line);border-radius:5px 5px 3px 3px}
.output:hover{box-shadow:inset 0 -2px 0 var(--ink)}
.output[aria-checked=true]{box-shadow:0 0 0 2px var(--accent);background:var(--card);color:var(--ink)}
.scored .output{min-width:1.55em}
.output small{position:absolute;left:50%;top:calc(100% + 3px);transform:translateX(-50%);font-size:.55em;line-height:1;
white-space:nowrap;font-weight:400;color:var(--faint);font-variant-numeric:tabular-nums;pointer-events:none}
.side{position:sticky;top:20px}
.chosen{font-size:22px;font-weight:650;margin:0 0 2px;overflow-wrap:anywhere}
.facts{display:grid;grid-template-columns:auto 1fr;gap:3px 14px;margin:12px 0 20px;font-size:13px}
.facts dt{color:var(--soft)}
.facts dd{margin:0;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.small{color:var(--soft);font-size:13px;margin:0}
.bars{list-style:none;margin:0;padding:0;font-size:13px}
.bars li{display:grid;grid-template-columns:minmax(0,38%) 1fr 4.6em;gap:10px;align-items:center;height:26px}
.bars .name{text-align:right;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.bars .name i{font-style:normal;color:var(--faint);font-size:11px;margin-right:5px}
.bars .track{position:relative;height:14px;border-radius:3px}
.bars .bar{position:absolute;top:0;bottom:0;border-radius:3px}
.bars .number{text-align:right;font-variant-numeric:tabular-nums;color:var(--soft)}
.legend{display:flex;flex-wrap:wrap;align-items:center;gap:10px;margin-top:22px;font-size:12px;color:var(--soft);font-variant-numeric:tabular-nums}
.legend .small{margin-left:14px;font-size:12px}
.ramp{flex:none;width:230px;height:10px;border-radius:5px;overflow:hidden;border:1px solid var(--line)}
.matrix{content-visibility:auto;contain-intrinsic-size:auto 600px;margin-bottom:20px}
.matrix h2{margin-bottom:14px}
.scroll{overflow:auto;max-height:82vh;margin:0 0 26px;outline-offset:4px}
.scroll:last-of-type{margin-bottom:0}
table{border-collapse:separate;border-spacing:0;font-size:12px;font-variant-numeric:tabular-nums}
caption{text-align:left;font-size:14px;font-weight:600;padding:0 0 10px;position:sticky;left:0;white-space:nowrap}
th{font-weight:500;background:var(--card);white-space:nowrap;text-align:right;padding:3px 8px}
th bdi{display:inline-block;max-width:12em;overflow:hidden;text-overflow:ellipsis;vertical-align:bottom}
th small{color:var(--faint);font-size:10px;font-weight:400;margin-right:7px}
thead th{position:sticky;top:0;z-index:2;vertical-align:bottom;padding:4px 6px 6px;text-align:center}
thead th small{display:block;margin:0 0 2px}
thead th a{color:inherit;text-decoration:none}
thead th a:hover{text-decoration:underline}
.tall thead th bdi{writing-mode:vertical-rl;transform:rotate(180deg);max-width:none;max-height:11em}
tbody th,tfoot th,thead th:first-child{position:sticky;left:0;z-index:1}
thead th:first-child{z-index:3}
td{min-width:46px;height:25px;padding:0 6px;text-align:center;border-radius:3px;border:1px solid var(--card);background-clip:padding-box}
td:focus{outline:2px solid var(--accent);outline-offset:-1px}
tfoot td{color:var(--soft)}
tfoot th{color:var(--soft);font-style:italic}
tfoot tr:first-child>*{border-top:1px solid var(--line)}
.info{margin-top:20px;font-size:13px;color:var(--soft)}
.info dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:4px 20px;margin:0}
.info dt{color:var(--faint)}
.info dd{margin:0;overflow-wrap:anywhere;color:var(--ink)}
.info summary{cursor:pointer;margin-top:12px}
.info details dl{margin-top:10px}
.tip{position:fixed;z-index:10;max-width:340px;pointer-events:none;background:var(--ink);color:var(--card);border-radius:8px;
padding:8px 11px;font-size:12.5px;line-height:1.45;box-shadow:0 6px 24px #0003;overflow-wrap:anywhere}
.tip strong{font-size:14px;font-variant-numeric:tabular-nums}
.tip span{display:block;opacity:.75}
@media (max-width:860px){.page{padding:24px 14px 48px}.reading{grid-template-columns:minmax(0,1fr)}.side{position:static}
.card{padding:18px 16px;border-radius:10px}}
@media print{:root,:root[data-theme]{color-scheme:light;--page:#fff}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
.page{max-width:none;padding:0}.controls,.tip{display:none!important}.card{border:0;padding:0;break-inside:avoid-page}
.scroll{max-height:none;overflow:visible}.side{position:static}thead th,tbody th,tfoot th{position:static}
.matrix{content-visibility:visible;break-before:auto}}
`;
