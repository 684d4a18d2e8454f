/** What reports add to the style sheet of pages. */

export const reportStyle = `
.report{margin-bottom:20px}
.report p{max-width:74ch;margin:0 0 16px}
.report figure{margin:0 -20px 22px;overflow-x:auto}
.report figcaption{color:var(--soft);font-size:13px;max-width:80ch;margin:0 20px}
.report svg{max-width:100%;height:auto;display:block}
.report .scroll{max-height:none}
.report table{font-size:13px}
.report td{text-align:right;white-space:nowrap;padding:0 10px}
.report tbody th,.report thead th:first-child{text-align:left}
.report tbody tr:hover>*{background:var(--page)}
.in-dark{display:none}
:root[data-theme=dark] .in-light{display:none}
:root[data-theme=dark] .in-dark{display:block}
@media (prefers-color-scheme:dark){:root:not([data-theme]) .in-light{display:none}
:root:not([data-theme]) .in-dark{display:block}}
@media print{:root .in-light{display:block!important}:root .in-dark{display:none!important}}
`;
