// Pages and Markdown through somebody else's parsers: no parse error, and nothing in the tree that we do not write, whatever the names in it are.
import {createHash} from "node:crypto";
import {readFileSync} from "node:fs";

import {marked} from "marked";
import {parse, parseFragment} from "parse5";

import {allDocuments, Checks} from "./documents.mjs";

const PAGE = new Set(("a b body caption code dd details div dl dt em figcaption figure footer h1 h2 h3 h4 h5 head header html i li main meta ol p pre script section small " +
  "span strong style summary table tbody td th thead title tr ul svg defs pattern rect path circle line polyline text").split(" "));
const ATTRIBUTES = new Set(("aria-hidden aria-label charset class color-scheme content cx cy d data-sort data-v fill focusable height href http-equiv id lang name open overflow " +
  "patternUnits points preserveAspectRatio r role scope tabindex viewBox width x x1 x2 y y1 y2").split(" "));
const MARKDOWN = new Set("p strong table thead tbody tr th td ol ul li code pre details summary h2 h3 hr".split(" "));

const checks = new Checks();

function* elements(node) {
  if (node.tagName) yield node;
  for (const child of node.childNodes ?? []) yield* elements(child);
}

function text(node) {
  return node.nodeName === "#text" ? node.value : (node.childNodes ?? []).map(text).join("");
}

function checkPage(name, html) {
  const errors = [];
  const tree = parse(html, {onParseError: (error) => errors.push(`${error.code} at line ${error.startLine}`), sourceCodeLocationInfo: true});
  checks.equal(errors, [], `${name}: parse errors`);
  checks.check(!html.includes("<!--"), `${name}: a comment`);
  const ids = new Set();
  const links = [];
  let policy = "";
  for (const element of elements(tree)) {
    checks.check(PAGE.has(element.tagName), `${name}: an element ${element.tagName}`);
    for (const {name: attribute, value} of element.attrs) {
      checks.check(ATTRIBUTES.has(attribute), `${name}: an attribute ${attribute} of ${element.tagName}`);
      if (attribute === "id") {
        checks.check(!ids.has(value), `${name}: two elements with the id ${value}`);
        ids.add(value);
      }
      if (attribute === "href") links.push(value);
      if (value === "Content-Security-Policy") policy = element.attrs.find((other) => other.name === "content").value;
      if (attribute === "fill") checks.check(/^(#[0-9a-f]{6}|url\(#[a-z-]+\))$/.test(value), `${name}: fill ${value}`);
    }
  }
  for (const link of links) checks.check(link.startsWith("#") && ids.has(link.slice(1)), `${name}: the link ${link} leads nowhere`);
  const only = (tag) => {
    const found = [...elements(tree)].filter((element) => element.tagName === tag);
    checks.equal(found.length, 1, `${name}: number of ${tag}`);
    return createHash("sha256").update(text(found[0])).digest("base64");
  };
  checks.equal(policy, `default-src 'none'; style-src 'sha256-${only("style")}'; script-src 'sha256-${only("script")}'; base-uri 'none'; form-action 'none'`,
    `${name}: the content security policy`);
}

function checkMarkdown(name, markdown) {
  const tree = parseFragment(marked.parse(markdown, {gfm: true}));
  for (const element of elements(tree)) {
    checks.check(MARKDOWN.has(element.tagName), `${name}.md: an element ${element.tagName}`);
    checks.check(element.attrs.every(({name: attribute}) => attribute === "align" || (attribute === "class" && element.tagName === "code")),
      `${name}.md: attributes of ${element.tagName}`);
  }
  for (const row of [...elements(tree)].filter((element) => element.tagName === "tr")) {
    const table = row.parentNode.parentNode;
    const wide = [...elements(table)].find((element) => element.tagName === "tr").childNodes.filter((cell) => cell.tagName).length;
    checks.equal(row.childNodes.filter((cell) => cell.tagName).length, wide, `${name}.md: cells of a row`);
  }
  return text(tree);
}

const [oomlab, golden] = process.argv.slice(2);
for (const {name, document, page, markdown} of allDocuments(oomlab, golden)) {
  checkPage(name, readFileSync(page, "utf8"));
  const shown = checkMarkdown(name, readFileSync(markdown, "utf8"));
  for (const incident of document.incidents.slice(0, 1)) {
    for (const victim of incident.victims.slice(0, 1)) {
      checks.check(shown.includes(String(victim.pid)), `${name}.md: the victim's pid`);
    }
  }
}
checks.finish();
