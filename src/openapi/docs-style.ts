/** The style of the docs page. */
export const DOCS_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fff; --ink: #1b1f24; --soft: #57606a; --line: #d8dee4; --tint: #f6f8fa; --link: #0757b8;
}
@media (prefers-color-scheme: dark) {
  :root { --paper: #0f1216; --ink: #e3e8ee; --soft: #9aa4af; --line: #2c333b; --tint: #171c22; --link: #74b3ff; }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 62rem; padding: 2rem 1.25rem 6rem;
  background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif;
}
h1 { margin: 0 0 .5rem; font-size: 1.9rem; }
h1 small { color: var(--soft); font-size: .55em; font-weight: 400; }
h2 { margin: 3rem 0 .5rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: 1.15rem; }
h3 { margin: 1.25rem 0 .25rem; color: var(--soft); font-size: .8rem; letter-spacing: .04em; text-transform: uppercase; }
p { margin: .25rem 0 .75rem; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
code { font: .92em/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
b { display: inline-block; min-width: 3.6em; color: var(--soft); font: 600 .8em/1 ui-monospace, monospace; }
nav ul { margin: 1.5rem 0 0; padding: 1rem 1.25rem; border-radius: .5rem; background: var(--tint); list-style: none; }
nav li { color: var(--soft); }
nav a { color: var(--ink); margin-right: .75rem; }
table { width: 100%; border-collapse: collapse; }
td { padding: .4rem .75rem .4rem 0; border-top: 1px solid var(--line); vertical-align: top; }
tr:first-child td { border-top: 0; }
td:first-child { width: 17rem; }
td small { display: block; color: var(--soft); }
@media (max-width: 40rem) { td { display: block; padding: .25rem 0; } td + td { border: 0; padding-left: 1rem; } }
`;
