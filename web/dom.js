/*
 * Makes and updates elements. Text from outside only ever becomes a text node, so that no name, note or output can
 * turn into markup. Views make their elements once and update them in place: focus, selection and scroll stay.
 */

const PROPERTIES = new Set(["checked", "disabled", "hidden", "indeterminate", "open", "required", "selected", "value"]);

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name.startsWith("on")) {
      node.addEventListener(name.slice(2), value);
    } else if (PROPERTIES.has(name)) {
      node[name] = value;
    } else if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/* h("button", {class: "primary", onclick: answer}, "Retry") */
export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

export function svg(tag, props, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

/* Sets a text only if it differs, so that a selection in it survives. */
export function text(node, value) {
  if (node.textContent !== value) {
    node.textContent = value;
  }
}

export function attribute(node, name, value) {
  if (value === null || value === undefined) {
    node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, value);
  }
}

/*
 * A list in `parent` that follows its items: returns a function to call with the newest items. `create(item)` returns
 * {node, update(item)}; an item keeps its node as long as its key is among the items, and a node that is at its place
 * is not touched. If the focused one goes away, the focus goes to the heading of the page, which says what is there
 * now.
 */
export function list(parent, key, create) {
  const rows = new Map();
  return (items) => {
    const focused = document.activeElement;
    const keys = new Set(items.map((item) => String(key(item))));
    for (const [name, row] of rows) {
      if (!keys.has(name)) {
        if (row.node.contains(focused)) {
          document.querySelector("h1")?.focus({preventScroll: true});
        }
        row.destroy?.();
        row.node.remove();
        rows.delete(name);
      }
    }
    let place = parent.firstChild;
    for (const item of items) {
      const name = String(key(item));
      let row = rows.get(name);
      if (!row) {
        row = create(item);
        rows.set(name, row);
      }
      row.update?.(item);
      if (row.node === place) {
        place = place.nextSibling;
      } else {
        parent.insertBefore(row.node, place);
      }
    }
    /* A node that was moved has lost its focus. */
    if (focused !== document.activeElement && focused?.isConnected && parent.contains(focused)) {
      focused.focus({preventScroll: true});
    }
  };
}
