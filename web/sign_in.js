/* Signing in: by the secret of a one-time link, by name and password, or by a token. */

import {post} from "./api.js";
import {h, text} from "./dom.js";

/* Calls `done` when the server knows us. */
export function createSignIn(done) {
  const said = h("p", {class: "said", role: "alert"});
  const name = h("input", {name: "name", autocomplete: "username", required: true});
  const password = h("input", {name: "password", type: "password", autocomplete: "current-password", required: true});
  const token = h("input", {name: "token", type: "password", autocomplete: "off", required: true});

  async function signIn(credentials) {
    text(said, "");
    try {
      await post("/v1/session", credentials);
      done();
    } catch (refusal) {
      text(said, refusal.message);
    }
  }

  function form(credentials, ...fields) {
    return h(
      "form",
      {
        class: "panel",
        onsubmit: (event) => {
          event.preventDefault();
          signIn(credentials());
        },
      },
      fields,
      h("button", {type: "submit", class: "primary"}, "Sign in"),
    );
  }

  /*
   * What stands behind the # is never sent to a server by the browser; it is good once, so it need not stay in the
   * history.
   */
  const link = location.pathname === "/login" ? location.hash.slice(1) : "";
  if (link) {
    history.replaceState(null, "", "/login");
    signIn({link});
  }
  return {
    title: "Sign in",
    node: h(
      "div",
      {class: "sign-in"},
      h("h1", {tabindex: "-1"}, "Sign in to guidepost"),
      said,
      form(
        () => ({name: name.value, password: password.value}),
        h("label", {class: "field"}, "Name", name),
        h("label", {class: "field"}, "Password", password),
      ),
      form(() => ({token: token.value}), h("label", {class: "field"}, "Or a token", token)),
      h("p", {class: "hint"}, "On the server's own machine guidepost prints a link that signs you in."),
    ),
    destroy: () => {},
  };
}
