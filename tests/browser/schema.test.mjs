/*
 * Goal of this test: the published JSON Schema of the configuration says what the loader says, as an editor would hear it. Beside the
 * files of tests/config, the complete example is changed in one place after the other, and both are asked about each change
 * (about every seventh, unless GUIDEPOST_SCHEMA_ALL is set).
 */

import assert from "node:assert/strict";
import {execFile} from "node:child_process";
import {mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {join, relative} from "node:path";
import {after, before, test} from "node:test";
import {fileURLToPath} from "node:url";
import {promisify} from "node:util";

import {notBuilt} from "./support/guidepost.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BUILD = process.env.GUIDEPOST_BUILD ?? join(ROOT, "build", "asan");
const PROGRAM = join(BUILD, "guidepost");
const AT_ONCE = 4;
const STRIDE = process.env.GUIDEPOST_SCHEMA_ALL ? 1 : 7; /* of no kind of change a multiple: each kind comes in many places */
const skip = notBuilt;

/* What the loader alone can know: what is there by that name, what goes together, how long a time is, what lies on the disk. */
const SEMANTIC = [
  /there is no /,
  /means nothing /,
  /contradicts /,
  /needs /,
  /must be (at least|at most|between) /,
  /is (too|not) (short|long|before)/,
  /is not before /,
  /is the same as /,
  /matches no target/,
  /cannot be read|can't be read|does not exist|No such file/,
  /has no |no permission lets /,
  /too long|at most \d+ (characters|bytes)/,
  / belong together/,
  /is not what the type allows/,
  /is empty; leave it out/,
  /differ from those of the step before/,
  /do not stand beside it/,
  /must begin with \/ because/,
];

const folder = skip ? null : mkdtempSync(join(tmpdir(), "guidepost-schema-"));
let accepts, parse;

before(async () => {
  if (skip) {
    return;
  }
  const {default: Ajv} = await import("ajv");
  const yaml = await import("yaml");
  const {stdout} = await promisify(execFile)(PROGRAM, ["config", "schema"]);
  accepts = new Ajv({allErrors: true, strict: false}).compile(JSON.parse(stdout));
  parse = (text) => {
    const document = yaml.parseDocument(text, {version: "1.2", logLevel: "silent"});
    if (document.errors.length > 0) {
      throw document.errors[0];
    }
    return document.toJS({maxAliasCount: 100});
  };
});

after(() => folder && rmSync(folder, {recursive: true, force: true}));

/* The errors of the loader; empty: accepted. */
async function loaderErrors(path) {
  const run = promisify(execFile)(PROGRAM, ["config", "check", "--json", path], {maxBuffer: 1 << 24});
  const {stdout} = await run.catch((error) => error);
  return JSON.parse(stdout).problems.filter((problem) => problem.level === "error").map((problem) => problem.text);
}

/* What an editor would say: the text is no YAML, or what it means is not as the schema has it. */
function editorErrors(text) {
  try {
    return accepts(parse(text)) ? [] : accepts.errors.map((error) => `${error.instancePath} ${error.message}`);
  } catch (error) {
    return [error.message];
  }
}

function filesOf(...parts) {
  const path = join(ROOT, ...parts);
  return readdirSync(path).filter((name) => name.endsWith(".yaml")).map((name) => join(path, name));
}

test("what the loader accepts the schema accepts", {skip}, async () => {
  const shipped = ["config/guidepost.example.yaml", "config/minimal.yaml", "config/demo/guidepost.yaml"];
  const files = [...filesOf("tests", "config", "good"), ...shipped.map((name) => join(ROOT, name))];
  assert.ok(files.length >= 6);
  for (const file of files) {
    assert.deepEqual(await loaderErrors(file), [], relative(ROOT, file));
    assert.deepEqual(editorErrors(readFileSync(file, "utf8")), [], relative(ROOT, file));
  }
});

test("what is wrong by its form both refuse", {skip}, async () => {
  const files = filesOf("tests", "config", "bad");
  assert.ok(files.length >= 30);
  for (const file of files) {
    assert.notDeepEqual(await loaderErrors(file), [], relative(ROOT, file));
    assert.notDeepEqual(editorErrors(readFileSync(file, "utf8")), [], relative(ROOT, file));
  }
});

test("what only the loader can know the schema lets pass", {skip}, async () => {
  const files = filesOf("tests", "config", "semantic");
  assert.ok(files.length >= 8);
  for (const file of files) {
    assert.notDeepEqual(await loaderErrors(file), [], relative(ROOT, file));
    assert.deepEqual(editorErrors(readFileSync(file, "utf8")), [], relative(ROOT, file));
  }
});

/* Every place in the value, as a list of keys. */
function placesOf(value, path = []) {
  const deeper = value !== null && typeof value === "object" ? Object.keys(value).flatMap((key) => placesOf(value[key], [...path, key])) : [];
  return path.length > 0 ? [path, ...deeper] : deeper;
}

/* A copy of the whole, in which `change` was done to the holder of that place. */
function changed(whole, path, change) {
  const copy = structuredClone(whole);
  const holder = path.slice(0, -1).reduce((at, key) => at[key], copy);
  change(holder, path.at(-1));
  return copy;
}

const CHANGES = {
  "a number": (holder, key) => (holder[key] = 7),
  "a text": (holder, key) => (holder[key] = "other words"),
  "a truth value": (holder, key) => (holder[key] = true),
  "nothing": (holder, key) => (holder[key] = null),
  "an empty list": (holder, key) => (holder[key] = []),
  "a list in a list": (holder, key) => (holder[key] = [[1]]),
  "an empty mapping": (holder, key) => (holder[key] = {}),
  "a mapping of nonsense": (holder, key) => (holder[key] = {nonsense: 1}),
  "left out": (holder, key) => (Array.isArray(holder) ? holder.splice(Number(key), 1) : delete holder[key]),
  "another key": (holder, key) => {
    if (!Array.isArray(holder)) {
      holder[`${key}x y`] = holder[key];
      delete holder[key];
    }
  },
};

async function compare(name, whole) {
  const path = join(folder, `${name}.yaml`);
  const text = JSON.stringify(whole);
  writeFileSync(path, text);
  const loader = await loaderErrors(path);
  const editor = editorErrors(text);
  if (loader.length === 0 && editor.length > 0) {
    return `the loader accepts it, the schema says: ${editor[0]}`;
  }
  const byForm = loader.find((message) => !SEMANTIC.some((pattern) => pattern.test(message)));
  if (editor.length === 0 && byForm !== undefined) {
    return `the schema accepts it, the loader says: ${byForm}`;
  }
  return null;
}

test("they agree on every change of the complete example", {skip, timeout: 240000}, async () => {
  const example = parse(readFileSync(join(ROOT, "config/guidepost.example.yaml"), "utf8"));
  const all = placesOf(example).flatMap((path) =>
    Object.entries(CHANGES).map(([what, change]) => ({name: `${path.join(".")}: ${what}`, path, change})));
  const jobs = all.filter((_, index) => index % STRIDE === 0);
  const differences = [];
  let next = 0;
  const work = async (worker) => {
    while (next < jobs.length) {
      const job = jobs[next++];
      const difference = await compare(`mutant-${worker}`, changed(example, job.path, job.change));
      if (difference !== null) {
        differences.push(`${job.name}: ${difference}`);
      }
    }
  };
  await Promise.all(Array.from({length: AT_ONCE}, (_, worker) => work(worker)));
  assert.ok(all.length > 1000, `only ${all.length} changes`);
  assert.deepEqual(differences, []);
});
