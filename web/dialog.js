/* The question before something that cannot be undone: says what will follow, and lets a note be written. */

import {h} from "./dom.js";

const NOTE_LENGTH = 500;

/*
 * Resolves to {note}, or to null for the way out. options: title, consequence, action (what the button says), way_out,
 * danger, note (what was written before), note_required, no_note (it takes none).
 */
export function confirmAction(options) {
  return new Promise((resolve) => {
    let answer = null;
    const note = h("textarea", {rows: 2, maxlength: NOTE_LENGTH, required: Boolean(options.note_required)});
    note.value = options.note ?? "";
    const form = h(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          answer = {note: note.value.trim()};
          dialog.close();
        },
      },
      h("h2", {id: "dialog-title"}, options.title),
      h("p", {id: "dialog-text"}, options.consequence),
      options.no_note ? null : h("label", {class: "field"}, options.note_required ? "Note (needed)" : "Note", note),
      h(
        "p",
        {class: "buttons"},
        h("button", {type: "submit", class: options.danger ? "danger" : "primary"}, options.action),
        h("button", {type: "button", onclick: () => dialog.close()}, options.way_out ?? "Keep waiting"),
      ),
    );
    const dialog = h(
      "dialog",
      {
        "aria-labelledby": "dialog-title",
        "aria-describedby": "dialog-text",
        onclose: () => {
          dialog.remove();
          resolve(answer);
        },
      },
      form,
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}
