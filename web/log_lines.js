/* Turns output, which comes in pieces cut anywhere, into lines that can be shown. */

const LONGEST = 4000;
const ESCAPES = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g;

/* What a terminal would show: colours dropped, and of a progress bar its last state. */
export function plainLine(raw) {
  const end = raw.endsWith("\r") ? raw.length - 1 : raw.length;
  const line = raw.slice(raw.lastIndexOf("\r", end - 1) + 1, end).replace(ESCAPES, "");
  return line.length > LONGEST ? `${line.slice(0, LONGEST)} … and ${line.length - LONGEST} characters more` : line;
}

export class LogLines {
  constructor() {
    this.lines = []; /* whole ones */
    this.rest = ""; /* the line that has not ended yet */
  }

  /* batch: {text, left_out}: how many bytes before it were not kept. */
  add(batch) {
    if (batch.left_out > 0) {
      this.end();
      this.lines.push(`… ${batch.left_out.toLocaleString("en")} bytes were not kept …`);
    }
    const pieces = (this.rest + batch.text).split("\n");
    this.rest = pieces.pop();
    for (const piece of pieces) {
      this.lines.push(plainLine(piece));
    }
  }

  end() {
    if (this.rest !== "") {
      this.lines.push(plainLine(this.rest));
      this.rest = "";
    }
  }
}
