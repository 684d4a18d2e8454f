/** What reports add to the style sheet of pages. */

export const reportStyle = `
.report{margin-bottom:20px}
.report p{max-width:74ch;margin:0 0 16px}
.report figure{display:inline-block;vertical-align:top;max-width:calc(100% + 20px);margin:0 20px 22px -20px}
.report figcaption{color:var(--soft);font-size:13px;width:0;min-width:calc(100% - 40px);margin:0 20px}
.report svg{max-width:100%;height:auto;display:block}
.report h3{font-size:14px;font-weight:600;margin:0 0 10px}
.report .scroll{max-height:none;margin-bottom:26px}
.report table{font-size:13px}
.report th,.report thead th,.report td{text-align:right;white-space:nowrap;padding:4px 10px}
.report td{padding:0 10px}
.report thead th{border-bottom:1px solid var(--line)}
.report .words,.report tbody th,.report thead th:first-child{text-align:left}
.report td.words{white-space:normal}
.report tbody tr:hover>*{background:var(--page)}
.in-dark{display:none}
:root[data-theme=dark] .in-light{display:none}
:root[data-theme=dark] .in-dark{display:block}
@media (prefers-color-scheme:dark){:root:not([data-theme]) .in-light{display:none}
:root:not([data-theme]) .in-dark{display:block}}
@media (max-width:860px){.report figure{display:block;max-width:none;margin:0 -16px 22px}
.report figcaption{width:auto;margin:0 16px}.in-light,.in-dark{overflow-x:auto}.report svg{max-width:none}}
@media print{:root .in-light{display:block!important}:root .in-dark{display:none!important}}
`;
