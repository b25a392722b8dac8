// The documents that pages are made of: the golden ones, and some that are large.
import {execFileSync} from "node:child_process";
import {mkdirSync, readdirSync, readFileSync, writeFileSync} from "node:fs";
import {basename, join, resolve} from "node:path";

export const TASKS = 10000;
export const INCIDENTS = 500;

function golden(folder, name) {
  return JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8"));
}

function manyTasks(folder) {
  const document = golden(folder, "global_no_swap");
  const [incident] = document.incidents;
  const row = incident.tasks[2];
  for (let i = 0; incident.tasks.length < TASKS; ++i) {
    incident.tasks.push({...row, pid: 20000 + i, tgid: 20000 + i, comm: `worker ${i}`, rss_bytes: 4096 * ((i * 7919) % 50000)});
  }
  return document;
}

// Of an hour and a half, each with a table of 100 tasks.
function manyIncidents(folder) {
  const document = golden(folder, "oom_group");
  const [first] = document.incidents;
  document.incidents = [];
  for (let i = 0; i < INCIDENTS; ++i) {
    const incident = structuredClone(first);
    const minute = String(Math.floor(i / 8) % 60).padStart(2, "0");
    incident.time.realtime = `2025-11-21T1${Math.floor(i / 480)}:${minute}:${String((i % 8) * 7).padStart(2, "0")}+01:00`;
    incident.victims[0].comm = `svc-${i % 17}`;
    incident.tasks = Array.from({length: 100}, (_, n) => ({...incident.tasks[0], pid: 1000 + n, tgid: 1000 + n}));
    document.incidents.push(incident);
  }
  return document;
}

// [{name, document, page, markdown}], rendered by that binary into a folder.
export function allDocuments(oomlab, folder, large = true) {
  const out = resolve("pages");
  mkdirSync(out, {recursive: true});
  const documents = readdirSync(folder).filter((name) => name.endsWith(".json")).map((name) => {
    const bare = basename(name, ".json");
    return {name: bare, document: golden(folder, bare)};
  });
  if (large) {
    documents.push({name: "many_tasks", document: manyTasks(folder)}, {name: "many_incidents", document: manyIncidents(folder)});
  }
  for (const entry of documents) {
    const file = join(out, `${entry.name}.json`);
    writeFileSync(file, JSON.stringify(entry.document));
    entry.page = join(out, `${entry.name}.html`);
    entry.markdown = join(out, `${entry.name}.md`);
    execFileSync(oomlab, ["report", file, "-o", entry.page, "-o", entry.markdown]);
  }
  return documents;
}

export class Checks {
  failures = 0;
  done = 0;
  check(holds, what) {
    ++this.done;
    if (!holds) {
      ++this.failures;
      console.log(`FAILED ${what}`);
    }
  }
  equal(got, wanted, what) {
    const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)];
    this.check(a === b, `${what}: got ${a}, expected ${b}`);
  }
  finish() {
    console.log(`${this.done} checks, ${this.failures} failures`);
    process.exit(this.failures === 0 ? 0 : 1);
  }
}
