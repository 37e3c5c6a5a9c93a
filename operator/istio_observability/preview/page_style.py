"""The style sheet of the page: light and dark, from a phone's width to paper."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #17202c; --soft: #5a6675; --line: #e1e5ea;
  --kept: #2563c9; --kept-ink: #ffffff; --kept-soft: #dce8fb;
  --gone: #d4d9e0; --gone-ink: #48525f;
  --good: #12784a; --good-soft: #dcf3e6; --bad: #b3261e; --bad-soft: #fbe3e1;
  --wait: #8a5a00; --wait-soft: #fbeccb; }
@media (prefers-color-scheme: dark) { :root {
  --page: #11151b; --card: #1a2029; --ink: #e7ebf0; --soft: #9aa6b5; --line: #2c3541;
  --kept: #5b96f2; --kept-ink: #0b1524; --kept-soft: #1d3050;
  --gone: #38424f; --gone-ink: #b6c0cc;
  --good: #5fd39a; --good-soft: #14382a; --bad: #ff8a80; --bad-soft: #46201e;
  --wait: #f0bd5c; --wait-soft: #3d2f12; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 19px; margin: 40px 0 12px; }
h3 { font-size: 14px; margin: 0 0 10px; color: var(--soft); font-weight: 600; }
p { margin: 0 0 10px; } .soft { color: var(--soft); }
code { font: 12.5px/1.45 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  overflow-wrap: anywhere; }
.tiles { display: grid; gap: 12px; margin: 24px 0 0;
  grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); }
.tile, .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tile { padding: 14px 16px; }
.tile b { display: block; font-size: 25px; line-height: 1.25; font-weight: 650;
  font-variant-numeric: tabular-nums; letter-spacing: -0.01em; }
.tile span { color: var(--soft); font-size: 13px; }
.tile.good b { color: var(--good); } .tile.bad b { color: var(--bad); }
.card { padding: 18px 20px; margin: 0 0 14px; overflow-x: auto; }
.three { display: grid; gap: 14px; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr)); }
.three .card { margin: 0; }
.list td { vertical-align: top; } .list small { color: var(--soft); white-space: nowrap; }
.list svg.bar { height: 6px; margin: 3px 0 2px; }
.list .soft { margin: 8px 0 0; }
.alarm { background: var(--bad-soft); color: var(--bad); border-radius: 10px; padding: 12px 16px;
  margin: 0 0 14px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; font-size: 12.5px; color: var(--soft);
  padding: 0 14px 6px 0; white-space: nowrap; }
td { padding: 5px 14px 5px 0; border-top: 1px solid var(--line); vertical-align: middle; }
.n { text-align: right; white-space: nowrap; } td:last-child, th:last-child { padding-right: 0; }
tr.main td { font-weight: 650; }
td.bar { width: 30%; min-width: 80px; }
svg.bar { display: block; width: 100%; height: 12px; border-radius: 3px; }
.kept { fill: var(--kept); } .gone { fill: var(--gone); } .track { fill: var(--kept-soft); }
tr.main .alt { fill: var(--kept); } .alt { fill: var(--kept); opacity: 0.55; }
tr.main .alt { opacity: 1; }
svg.map { display: block; width: 100%; height: auto; min-width: 560px; }
svg.map rect { stroke: var(--card); stroke-width: 2; }
svg.map text { font: 12px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  pointer-events: none; }
text.on-kept { fill: var(--kept-ink); } text.on-gone { fill: var(--gone-ink); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0 0 10px; font-size: 13px;
  color: var(--soft); }
.legend svg { width: 12px; height: 12px; margin-right: 6px; vertical-align: -1px; }
.panels { list-style: none; margin: 0; padding: 0; columns: 3 290px; column-gap: 28px; }
.panels li { break-inside: avoid; display: grid; grid-template-columns: 76px 1fr; gap: 0 10px;
  padding: 4px 0; align-items: start; }
.panels small { color: var(--soft); grid-column: 2; overflow-wrap: anywhere; line-height: 1.4; }
.mark { font-size: 11.5px; font-weight: 650; border-radius: 20px; padding: 1px 0;
  text-align: center; margin-top: 2px; }
.HasData { background: var(--good-soft); color: var(--good); }
.Lacks { background: var(--bad-soft); color: var(--bad); }
.NotSeen { background: var(--wait-soft); color: var(--wait); }
.NotLookedAt, .WithoutSource { background: var(--line); color: var(--soft); }
footer { color: var(--soft); font-size: 13px; margin-top: 36px; }
@media (max-width: 520px) { main { padding: 20px 12px 40px; }
  .card { padding: 14px; } td.bar { display: none; } th.bar { display: none; } }
@media print { body { background: #fff; } .tile, .card { break-inside: avoid; } }
"""
