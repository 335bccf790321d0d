/* A room: what guidepost and people said there, and the line to say something. */

import {createCard} from "./card.js";
import {createCommandBox} from "./command_box.js";
import {h, list, text} from "./dom.js";
import {room} from "./store.js";
import {moment} from "./time.js";

function message(first) {
  if (first.card) {
    const card = createCard(first.card, 2);
    return {
      node: h("li", {}, h("p", {class: "by"}, first.author, " ", moment(first.posted)), card.node),
      update: (now) => card.update(now.card),
    };
  }
  const words = h("p", {class: "words"});
  return {
    node: h("li", {}, h("p", {class: "by"}, first.author, " ", moment(first.posted)), words),
    update: (now) => text(words, now.text),
  };
}

export function createRoom(name) {
  const messages = h("ol", {class: "messages", "aria-label": `Messages in ${name}`});
  const update = list(messages, (item) => `${item.id}${item.card ? ` ${item.card.kind}` : ""}`, message);
  const said = h("p", {class: "said", role: "alert"});
  const none = h("p", {class: "none", hidden: true}, "Nothing was said here yet.");
  let seen = 0;

  const stop = room(name).watch(({data, error}) => {
    text(said, error && !data ? error.message : "");
    if (data) {
      const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 80;
      none.hidden = data.messages.length > 0;
      update(data.messages);
      if (data.messages.length > seen && (atEnd || seen === 0)) {
        scrollTo({top: document.documentElement.scrollHeight});
      }
      seen = data.messages.length;
    }
  });
  return {
    title: name,
    node: h(
      "div",
      {class: "room"},
      h("h1", {tabindex: "-1"}, name),
      said,
      none,
      messages,
      h("div", {class: "panel says"}, createCommandBox(name)),
    ),
    destroy: stop,
  };
}
