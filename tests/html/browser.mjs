// Pages in Chromium: nothing is fetched and no script but ours runs, the facts are those of the JSON in light, dark and on a phone, axe finds nothing
// serious, every link leads to its line, tables sort, everything is there without scripts.
import {mkdirSync, readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {resolve} from "node:path";

import {chromium} from "playwright-core";

import {allDocuments, Checks, INCIDENTS, TASKS} from "./documents.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const LOOKS = {
  light: {viewport: {width: 1200, height: 900}, colorScheme: "light"},
  dark: {viewport: {width: 1200, height: 900}, colorScheme: "dark"},
  phone: {viewport: {width: 360, height: 740}, colorScheme: "light", isMobile: true, hasTouch: true},
};
const checks = new Checks();

// As the binary writes sizes.
function human(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit + 1 < units.length) {
    value /= 1024;
    ++unit;
  }
  const rounded = Math.round(value * 10) / 10;
  return rounded >= 1024 && unit + 1 < units.length ? `1 ${units[unit + 1]}` : `${rounded} ${units[unit]}`;
}

// What a name from a log looks like on a page; enough of it to be found.
function shown(name) {
  return name.replace(/[\u0000-\u001f\u007f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`)
    .replace(/[\u0080-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, (c) => `\\u{${c.charCodeAt(0).toString(16)}}`);
}

// Opens a page and watches everything that leaves it.
async function open(context, file) {
  const page = await context.newPage();
  const requests = [];
  const problems = [];
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  session.on("Network.requestWillBeSent", (event) => requests.push(event.request.url));
  page.on("dialog", (dialog) => {
    problems.push(`dialog ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("console", (message) => problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.goto(`file://${file}`);
  return {page, requests, problems};
}

async function checkQuiet({page, requests, problems}, file, what) {
  checks.equal(requests, [`file://${file}`], `${what}: requests`);
  checks.equal(problems, [], `${what}: dialogs, errors, refused by the policy`);
  checks.equal(await page.evaluate(() => [typeof window.pwned, document.scripts.length, document.images.length]), ["undefined", 1, 0], `${what}: scripts`);
}

function checkFacts(text, document, what) {
  for (const incident of document.incidents.length > 1 ? document.incidents.slice(0, 3) : document.incidents) {
    // A heading begins with a capital letter, whatever the JSON's sentence does.
    const has = (words, fact) => checks.check(text.includes(words) || text.includes(words[0].toUpperCase() + words.slice(1)), `${what}: ${fact} "${words}"`);
    has(shown(incident.verdict), "the verdict");
    for (const victim of incident.victims.slice(0, 1)) {
      has(`pid ${victim.pid}`, "the victim");
      if (victim.comm !== null) has(shown(victim.comm), "the victim's name");
    }
    if (incident.scope === "memcg" && incident.cgroup?.memory?.limit_bytes != null) has(human(incident.cgroup.memory.limit_bytes), "the limit");
    for (const part of incident.analysis.breakdown.filter((one) => one.bytes > 0).slice(0, 11)) has(human(part.bytes), `the part ${part.part}`);
    for (const finding of incident.diagnosis) has(shown(finding.title), "a finding");
  }
  if (document.run) checks.check(text.includes(document.run.outcome.verdict), `${what}: the outcome`);
}

// Each line that is cited holds what the document says of it.
async function checkCitations(page, document, what) {
  const cited = await page.evaluate(() => [...document.querySelectorAll("a.cite")].map((link) => {
    const line = document.getElementById(link.hash.slice(1));
    return [link.hash.slice(1), link.textContent, line?.textContent ?? null];
  }));
  for (const [id, label, line] of cited) {
    const [, incident, number] = /^i(\d+)-line(\d+)/.exec(id);
    const texts = document.incidents[incident - 1].log.lines.filter((one) => one.line === Number(number)).map((one) => `${number}  ${shown(one.text)}`);
    checks.check(label.includes(number) && line !== null && texts.includes(line.trim()), `${what}: ${id} "${line}"`);
  }
  return cited.length;
}

// The answers at the top lead to the lines that give them.
async function checkAnswers(page, document, what) {
  if (document.incidents.length !== 1) return;
  const [incident] = document.incidents;
  const pid = incident.victims[0]?.pid;
  const wanted = {
    Killed: new RegExp(`(Killed process|kill process|to process) ${pid}\\b|panic|no killable`),
    Limit: incident.scope === "memcg" ? /^memory: usage/ : /^oom-kill:|pages RAM$/,
    "Filled by": incident.scope === "memcg" ? /^Memory cgroup stats/ : /active_anon:/,
    "Why this process": new RegExp(`^\\[ *${pid}\\]`),
  };
  const answers = await page.evaluate(() => [...document.querySelectorAll(".answer")].map((answer) => {
    const link = answer.querySelector("a.cite");
    return [answer.querySelector("dt").textContent, link && document.getElementById(link.hash.slice(1)).textContent];
  }));
  for (const [question, line] of answers) {
    if (line !== null && question in wanted) checks.check(wanted[question].test(line.trim().replace(/^\d+ +/, "")), `${what}: ${question} leads to "${line}"`);
  }
  if (incident.kind === "oom_kill" && incident.log.lines.length > 50) checks.check(answers.filter(([, line]) => line !== null).length >= 2, `${what}: answers without lines`);
}

async function checkAccessible(page, what) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, {resultTypes: ["violations"]}));
  const serious = found.violations.filter((one) => one.impact === "serious" || one.impact === "critical");
  checks.equal(serious.map((one) => `${one.id}: ${one.nodes[0].html.slice(0, 150)}`), [], `${what}: axe`);
}

async function checkLooks(browser, {name, document, page: file}, look) {
  const what = `${name} ${look}`;
  const context = await browser.newContext({...LOOKS[look], bypassCSP: false});
  const opened = await open(context, file);
  const {page} = opened;
  checkFacts(await page.evaluate(() => document.body.textContent), document, what);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  checks.check(overflow <= 0, `${what}: scrolls sideways by ${overflow}`);
  const picture = await page.screenshot({path: `screenshots/${name}-${look}.png`, fullPage: document.incidents.length < 3});
  checks.check(picture.length > 5000, `${what}: an empty picture`);
  if (look === "light") {
    await checkCitations(page, document, what);
    await checkAnswers(page, document, what);
  }
  await checkQuiet(opened, file, what);
  await context.close();
  // axe comes in as a script of its own, past the policy.
  const bypassing = await browser.newContext({...LOOKS[look], bypassCSP: true});
  const other = await bypassing.newPage();
  await other.goto(`file://${file}`);
  await checkAccessible(other, what);
  await bypassing.close();
}

async function checkWithoutScripts(browser, {name, document, page: file}) {
  const context = await browser.newContext({...LOOKS.light, javaScriptEnabled: false});
  const page = await context.newPage();
  await page.goto(`file://${file}`);
  checkFacts(await page.locator("body").textContent(), document, `${name} without scripts`);
  checks.check(await page.locator("h1").isVisible(), `${name} without scripts: the headline`);
  checks.equal(await page.locator("th button").count(), 0, `${name} without scripts: buttons that do nothing`);
  await context.close();
}

async function checkKeyboard(browser, {name, page: file}) {
  const context = await browser.newContext(LOOKS.light);
  const {page} = await open(context, file);
  await page.keyboard.press("Tab");
  checks.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the report", `${name}: the first stop of the keyboard`);
  await page.keyboard.press("Enter");
  checks.equal(await page.evaluate(() => location.hash), "#report", `${name}: where it leads`);
  await context.close();
}

async function checkSorting(browser, {page: file}) {
  const context = await browser.newContext(LOOKS.light);
  const {page} = await open(context, file);
  const table = page.locator("table[data-sort]").last();
  await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));
  const column = async (index) => page.evaluate((at) => [...[...document.querySelectorAll("table[data-sort]")].pop().tBodies[0].rows].map((row) => row.cells[at].textContent), index);
  await table.getByRole("button", {name: "pid"}).click();
  const falling = (await column(0)).map(Number);
  checks.equal(falling, falling.toSorted((a, b) => b - a), "sorted by pid");
  await table.getByRole("button", {name: "pid"}).focus();
  await page.keyboard.press("Enter");
  checks.equal((await column(0)).map(Number), falling.toReversed(), "sorted the other way, by the keyboard");
  checks.equal(await table.locator("th[aria-sort]").allTextContents(), ["pid"], "what says so");
  await context.close();
}

async function checkManyTasks(browser, {document, page: file}) {
  const context = await browser.newContext(LOOKS.light);
  const opened = await open(context, file);
  const {page} = opened;
  const pids = await page.evaluate(() => [...document.querySelectorAll("table[data-sort] tbody tr")].map((row) => Number(row.cells[0].textContent)));
  checks.equal(pids.length, TASKS, "many tasks: rows");
  checks.equal(new Set(pids).size, new Set(document.incidents[0].tasks.map((task) => task.pid)).size, "many tasks: processes");
  await page.locator("summary", {hasText: "All 10000 processes"}).click();
  checks.check(await page.locator("table[data-sort] tbody tr").last().isVisible(), "many tasks: the last row");
  await checkQuiet(opened, file, "many tasks");
  await context.close();
}

async function checkManyIncidents(browser, {document, page: file}) {
  const context = await browser.newContext(LOOKS.light);
  const opened = await open(context, file);
  const {page} = opened;
  checks.equal(await page.locator("details.incident").count(), INCIDENTS, "many incidents: boxes");
  checks.equal(await page.locator(".kills .kill-mark").count(), INCIDENTS, "many incidents: marks on the time line");
  await page.locator(`a[href="#incident${INCIDENTS - 100}"]`).click();
  checks.check(await page.locator(`#incident${INCIDENTS - 100} h3`).first().isVisible(), "many incidents: a link to one opens it");
  await page.locator('a[href="#guide"]').click();
  checks.check(await page.locator("#guide h2").isVisible(), "many incidents: the guide");
  // A link into a closed box opens it.
  await page.goto(`file://${file}#i${INCIDENTS}-line${document.incidents[0].log.lines.find((line) => line.kind === "kill").line}`);
  checks.check(await page.locator(`#incident${INCIDENTS} h3`).first().isVisible(), "many incidents: a link to a line of one");
  const tasks = await page.evaluate(() => document.querySelectorAll("table[data-sort] tbody tr").length - 500 + [...document.querySelectorAll("pre")].reduce((sum, one) => sum + (one.textContent.match(/ 0 oomlab|\n +1\d\d\d /g)?.length ?? 0), 0));
  checks.check(tasks >= INCIDENTS * 100, `many incidents: all tasks of all of them (${tasks})`);
  await page.screenshot({path: "screenshots/many_incidents.png"});
  await context.close();
}

async function checkPrint(browser, {name, page: file}) {
  const context = await browser.newContext(LOOKS.light);
  const {page} = await open(context, file);
  const pdf = await page.pdf({path: `screenshots/${name}.pdf`, format: "A4"});
  checks.check(pdf.length > 10000, `${name}: printed`);
  await context.close();
}

const [oomlab, golden] = process.argv.slice(2);
mkdirSync("screenshots", {recursive: true});
const documents = allDocuments(resolve(oomlab), golden);
const named = (name) => documents.find((one) => one.name === name);
const browser = await chromium.launch({
  executablePath: process.env.OOMLAB_CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
for (const entry of documents.filter((one) => !one.name.startsWith("many_"))) await checkLooks(browser, entry, "light");
for (const name of ["docker_6mib", "oom_group", "global_no_swap", "run_with_pressure", "several", "hostile"]) {
  await checkLooks(browser, named(name), "dark");
  await checkLooks(browser, named(name), "phone");
}
for (const name of ["oom_group", "several", "hostile"]) {
  await checkWithoutScripts(browser, named(name));
  await checkKeyboard(browser, named(name));
}
await checkSorting(browser, named("global_no_swap"));
await checkManyTasks(browser, named("many_tasks"));
await checkManyIncidents(browser, named("many_incidents"));
await checkPrint(browser, named("oom_group"));
await browser.close();
checks.finish();
