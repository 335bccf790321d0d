/* Goal of this test: the parts of the page that only compute are right; they need no browser. */

import assert from "node:assert/strict";
import {test} from "node:test";

import {importModule} from "./support/modules.mjs";

const {LogLines, plainLine} = await importModule("log_lines.js");
const {duration} = await importModule("time.js");
const {barsOf} = await importModule("timeline.js");

test("a line is what a terminal would show", () => {
  const cases = [
    ["plain", "plain"],
    ["\x1b[1;31mred\x1b[0m", "red"],
    ["\x1b]0;title\x07text", "text"],
    ["\x1b]8;;http://example.org\x1b\\link\x1b]8;;\x1b\\", "link"],
    ["1%\r50%\r100%", "100%"],
    ["ends with the other line end\r", "ends with the other line end"],
    ["tab\tstays", "tab\tstays"],
    ["bell\x07 and nul\x00", "bell and nul"],
    ["", ""],
  ];
  for (const [raw, shown] of cases) {
    assert.equal(plainLine(raw), shown);
  }
});

test("a line of any length is shown in part", () => {
  assert.equal(plainLine("x".repeat(5000)), `${"x".repeat(4000)} … and 1000 characters more`);
});

test("lines are the same wherever the output was cut", () => {
  const output = "one\r\ntwo \x1b[31mred\x1b[0m\n\nfour\nfi";
  for (let first = 0; first <= output.length; first++) {
    for (let second = first; second <= output.length; second++) {
      const lines = new LogLines();
      [output.slice(0, first), output.slice(first, second), output.slice(second)].forEach((text) =>
        lines.add({text, left_out: 0}),
      );
      assert.deepEqual(lines.lines, ["one", "two red", "", "four"]);
      assert.equal(lines.rest, "fi");
    }
  }
});

test("output that was not kept is told at its place", () => {
  const lines = new LogLines();
  lines.add({text: "one\ntw", left_out: 0});
  lines.add({text: "end\n", left_out: 123456});
  assert.deepEqual(lines.lines, ["one", "tw", "… 123,456 bytes were not kept …", "end"]);
});

test("durations have their two largest units", () => {
  const cases = [
    [0, "0 ms"],
    [850, "850 ms"],
    [12000, "12 s"],
    [250000, "4 min 10 s"],
    [7200000, "2 h"],
    [7500000, "2 h 5 min"],
    [-5, "0 ms"],
  ];
  for (const [ms, words] of cases) {
    assert.equal(duration(ms), words);
  }
});

test("the timeline shows each attempt and each time of waiting", () => {
  const entries = [
    ["admitted", 0],
    ["issued 0.1 #1 turn", 1],
    ["claimed 0.1 #1 by w-1", 2],
    ["ended 0.1 #1 exit 100", 3],
    ["asked Q42 0.1 #1", 3],
    ["answered Q42 0.1 #1 retry", 8],
    ["issued 0.1 #2 retry", 8],
    ["claimed 0.1 #2 by w-2", 9],
    ["unknown 0.1 #2", 12],
    ["asked Q43 0.1 #2", 12],
  ].map(([what, when]) => ({what, when, actor: "alice"}));
  assert.deepEqual(barsOf(entries), [
    {step: 0, slot: 1, attempt: 1, from: 2, to: 3, state: "failed", answer: undefined},
    {step: 0, slot: 1, attempt: 1, from: 3, to: 8, state: "asking", question: "42", answer: "retry by alice"},
    {step: 0, slot: 1, attempt: 2, from: 9, to: 12, state: "unknown", answer: undefined},
    {step: 0, slot: 1, attempt: 2, from: 12, to: null, state: "asking", question: "43"},
  ]);
});
