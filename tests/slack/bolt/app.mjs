/*
 * A small bot on Slack's own SDK, which asks a question with buttons as guidepost does. What works with it works with
 * Slack: it shows that the fake in tests/fakes/slack is honest. tests/system/slack_scenario.py says what it must do.
 */

import bolt from "@slack/bolt";

const {SLACK_API_URL: slackApiUrl, SLACK_APP_TOKEN: appToken, SLACK_BOT_TOKEN: token} = process.env;
const receiver = new bolt.SocketModeReceiver({appToken, installerOptions: {clientOptions: {slackApiUrl}}});
const app = new bolt.App({token, receiver, clientOptions: {slackApiUrl}});
const heard = new Set(); /* Slack may tell the same more than once. */
let questions = 0;

function button(verb, name, style) {
  return {
    type: "button",
    action_id: `ask.${verb}`,
    value: `${questions}:1`,
    text: {type: "plain_text", text: name},
    ...style,
  };
}

function plain(text) {
  return {type: "plain_text", text};
}

app.event("app_mention", async ({event, client, context}) => {
  const key = `${event.channel} ${event.ts}`;
  console.log(`heard ${key} attempt ${context.retryNum}`);
  if (heard.has(key) || event.edited) {
    return;
  }
  heard.add(key);
  questions += 1;
  const text = `Question ${questions}: Install failed on web-3. Answer: retry ${questions} or ignore ${questions}.`;
  await client.chat.postMessage({
    channel: event.channel,
    text,
    blocks: [
      {type: "section", text: {type: "mrkdwn", text}},
      {type: "actions", elements: [button("retry", "Retry", {style: "primary"}), button("note", "Ignore…")]},
    ],
    metadata: {event_type: "question", event_payload: {nonce: `question-${questions}`}},
  });
});

function answered(client, channel, ts, text) {
  return client.chat.update({channel, ts, text, blocks: [{type: "section", text: {type: "mrkdwn", text}}]});
}

app.action("ask.retry", async ({ack, body, client}) => {
  await ack();
  await answered(client, body.channel.id, body.message.ts, `Retry by <@${body.user.id}>, running…`);
});

app.action("ask.note", async ({ack, body, client}) => {
  await ack();
  await client.views.open({
    trigger_id: body.trigger_id,
    view: {
      type: "modal",
      callback_id: "ask.answer",
      private_metadata: JSON.stringify({channel: body.channel.id, ts: body.message.ts}),
      title: plain("Ignore"),
      submit: plain("Answer"),
      close: plain("Back"),
      blocks: [
        {
          type: "input",
          block_id: "note",
          label: plain("Note"),
          element: {type: "plain_text_input", action_id: "v", max_length: 500},
        },
      ],
    },
  });
});

app.view("ask.answer", async ({ack, body, view, client}) => {
  const note = view.state.values.note.v.value;
  if (note.trim() === "") {
    await ack({response_action: "errors", errors: {note: "Say why."}});
    return;
  }
  await ack();
  const {channel, ts} = JSON.parse(view.private_metadata);
  await answered(client, channel, ts, `Ignore by <@${body.user.id}>: ${note}`);
});

app.view("ask.words", async ({ack, body, view, client}) => {
  await ack();
  const {channel} = JSON.parse(view.private_metadata);
  const text = `You chose ${view.state.values.size.v.selected_option.value}, ${view.state.values.word.v.value}.`;
  await client.chat.postEphemeral({channel, user: body.user.id, text});
});

function openWords(client, command) {
  const options = ["small", "large"].map((value) => ({text: plain(value), value}));
  return client.views.open({
    trigger_id: command.trigger_id,
    view: {
      type: "modal",
      callback_id: "ask.words",
      private_metadata: JSON.stringify({channel: command.channel_id}),
      title: plain("Words"),
      submit: plain("Go"),
      blocks: [
        {
          type: "input",
          block_id: "size",
          label: plain("Size"),
          element: {type: "static_select", action_id: "v", options},
        },
        {
          type: "input",
          block_id: "word",
          label: plain("Word"),
          element: {type: "plain_text_input", action_id: "v"},
        },
      ],
    },
  });
}

app.command("/guidepost", async ({ack, command, respond, client}) => {
  await ack();
  if (command.text === "window") {
    await openWords(client, command);
    return;
  }
  await respond({response_type: "ephemeral", text: `You said: ${command.text}`});
});

app.error(async (error) => console.log("error", error));
await app.start();
console.log("started");
