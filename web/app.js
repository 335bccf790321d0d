/*
 * Starts the page: what stands on every view of it (navigation, banners, the number of questions in the title), and
 * which view is shown.
 */

import {get, onSignedOut, remove} from "./api.js";
import {attribute, h, list, text} from "./dom.js";
import {onEvent, start as startLive} from "./live.js";
import {createSignIn} from "./sign_in.js";
import {me, overview, startStore} from "./store.js";
import {moment, startClock, update as updateMoment} from "./time.js";
import {createDeployment} from "./view_deployment.js";
import {createHome} from "./view_home.js";
import {createRoom} from "./view_room.js";

const ROUTES = [
  [/^\/$/, () => createHome()],
  [/^\/d\/(\d+)$/, (id) => createDeployment(Number(id))],
  [/^\/q\/(\d+)$/, (id) => createQuestionLink(id)],
  [/^\/rooms\/([^/]+)$/, (name) => createRoom(decodeURIComponent(name))],
];

const nav = h("nav", {"aria-label": "Pages"});
const rooms = h("ul");
const banner = h("p", {class: "banner tone-warn", hidden: true});
const freezes = h("div", {role: "status"});
const connection = h("p", {class: "banner tone-bad", role: "status"});
const announcement = h("p", {class: "unseen", role: "status"});
const main = h("main");
const person = h("span", {class: "person"});

let view = null;

function setTitle() {
  const waiting = overview.data?.questions.length ?? 0;
  const parts = view?.title ? `${view.title} · guidepost` : "guidepost";
  document.title = waiting > 0 ? `(${waiting}) ${parts}` : parts;
}

function show(next) {
  view?.destroy();
  view = next;
  main.replaceChildren(view.node);
  setTitle();
}

function route() {
  if (location.pathname === "/login") {
    show(createSignIn(signedIn));
    return;
  }
  for (const [pattern, create] of ROUTES) {
    const found = pattern.exec(location.pathname);
    if (found) {
      show(create(...found.slice(1)));
      markCurrent();
      return;
    }
  }
  show({title: "Not found", node: h("h1", {tabindex: "-1"}, "There is no such page"), destroy: () => {}});
}

/* The address of a question leads to its deployment, where it stands first. */
function createQuestionLink(id) {
  const heading = h("h1", {tabindex: "-1"}, `Q${id}`);
  get(`/v1/questions/${id}`)
    .then(({deployment}) => {
      history.replaceState(null, "", `/d/${deployment}`);
      route();
    })
    .catch((refusal) => text(heading, refusal.message));
  return {title: `Q${id}`, node: heading, destroy: () => {}};
}

function go(path) {
  history.pushState(null, "", path);
  route();
  scrollTo({top: 0});
  main.querySelector("h1")?.focus({preventScroll: true});
}

function markCurrent() {
  nav
    .querySelectorAll("a")
    .forEach((link) => attribute(link, "aria-current", link.pathname === location.pathname ? "page" : null));
}

/* Links within the page change only the view. */
function followLink(event) {
  const link = event.target.closest?.("a[href^='/']");
  if (link && event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey) {
    event.preventDefault();
    go(link.getAttribute("href"));
  }
}

/* Where one wanted to go before signing in; only ever a path of our own. Everything starts anew on both ways. */
const WANTED = "guidepost-wanted";

function askToSignIn() {
  if (location.pathname !== "/login") {
    sessionStorage.setItem(WANTED, location.pathname);
    location.replace("/login");
  }
}

function signedIn() {
  const wanted = sessionStorage.getItem(WANTED) ?? "/";
  sessionStorage.removeItem(WANTED);
  location.replace(wanted);
}

async function signOut() {
  await remove("/v1/session").catch(() => {});
  location.assign("/login");
}

/* Tells about questions that came after the page was opened. */
function announce(known, cards) {
  const fresh = cards.filter((card) => !known.has(card.question));
  if (fresh.length > 0) {
    text(
      announcement,
      fresh.map((card) => `New question Q${card.question}: ${card.facts[0] ?? card.title}. ${card.subject}.`).join(" "),
    );
  }
}

/* Said on every page, since it explains why nothing starts. */
function createFreeze() {
  const words = h("span");
  const since = moment(0);
  return {
    node: h("p", {class: "banner"}, words, " ", since),
    update: ({environment, actor, reason, when}) => {
      text(words, `${environment} is frozen by ${actor}${reason ? `: ${reason}` : ""}. Nothing new starts there.`);
      updateMoment(since, when);
    },
  };
}

function startSigned() {
  let known = null;
  const updateRooms = list(
    rooms,
    (name) => name,
    (name) => ({node: h("li", {}, h("a", {href: `/rooms/${encodeURIComponent(name)}`}, name))}),
  );
  const updateFreezes = list(freezes, (freeze) => freeze.environment, createFreeze);
  overview.watch(({data}) => {
    if (data) {
      text(banner, data.banner ?? "");
      banner.hidden = !data.banner;
      updateFreezes(data.freezes ?? []);
      updateRooms(data.rooms);
      markCurrent();
      if (known) {
        announce(known, data.questions);
      }
      known = new Set(data.questions.map((card) => card.question));
      setTitle();
    }
  });
  me.watch(({data}) => {
    if (data) {
      person.replaceChildren(
        data.name,
        " ",
        h("button", {type: "button", class: "plain", onclick: signOut}, "Sign out"),
      );
    }
  });
  startLive();
}

onSignedOut(askToSignIn);
onEvent((kind, connected) => {
  if (kind === "connection") {
    text(connection, connected ? "" : "Connection lost, trying again. What is shown may be old.");
  }
});
nav.append(h("a", {href: "/", class: "home-link"}, "guidepost"), rooms);
document.body.replaceChildren(
  h("a", {class: "skip", href: "#main"}, "Skip to content"),
  h("header", {}, h("div", {class: "top"}, nav, person), banner, freezes, connection),
  announcement,
  main,
);
main.id = "main";
document.addEventListener("click", followLink);
addEventListener("popstate", route);
startStore();
startClock();
if (location.pathname !== "/login") {
  startSigned();
}
route();
