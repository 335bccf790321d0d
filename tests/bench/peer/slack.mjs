// The bot in Slack, on Slack's own SDK by Socket Mode: "/guidepost deploy web 1.2" or the same as a mention begins a
// deployment, whose message is edited as it goes on; each failure asks with buttons.
//
//     REDIS=/path/redis.sock PROJECTS=/path/projects.json SLACK_API_URL=... SLACK_APP_TOKEN=... SLACK_BOT_TOKEN=... node slack.mjs
import { readFileSync } from 'node:fs';
import bolt from '@slack/bolt';
import { createDeployments } from './deployments.mjs';

const { SLACK_API_URL: slackApiUrl, SLACK_APP_TOKEN: appToken, SLACK_BOT_TOKEN: token } = process.env;
const connection = { path: process.env.REDIS, maxRetriesPerRequest: null };
const projects = JSON.parse(readFileSync(process.env.PROJECTS, 'utf8'));
const receiver = new bolt.SocketModeReceiver({ appToken, installerOptions: { clientOptions: { slackApiUrl } } });
const app = new bolt.App({ token, receiver, clientOptions: { slackApiUrl } });
const ANSWERS = { retry: 'Retry', ignore: 'Ignore', exclude: 'Exclude', fail: 'Fail deployment' };
const STYLES = { retry: { style: 'primary' }, fail: { style: 'danger' } };

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const section = (text) => ({ type: 'section', text: { type: 'mrkdwn', text } });

function log(error) {
    console.error(error);
}

const drawing = new Map();
const deployments = await createDeployments({ connection, projects, changed: draw, failed: ask });

// --- the message of a deployment: one draws at a time, and once more if there was a change meanwhile

async function draw(id) {
    if (drawing.has(id)) {
        drawing.set(id, true);
        return;
    }
    do {
        drawing.set(id, false);
        await drawOnce(id).catch(log);
    } while (drawing.get(id));
    drawing.delete(id);
}

async function drawOnce(id) {
    const { project, version, status, step, channel, user, message, told } = await deployments.read(id);
    const { steps } = projects[project];
    const text = `Deployment ${id}: ${project} ${version}, ${status}, step ${Number(step ?? 0) + 1} of ${steps.length}.`;
    const lines = steps.map(({ run }, at) => `${at < step ? '✓' : at > step ? '·' : '▶'} ${escape(run)}`);
    const blocks = [section(`*${project} ${version}* · ${status}`), section(lines.join('\n')), section(`Started by <@${user}>`)];
    let ts = message;
    if (ts === undefined) {
        ({ ts } = await app.client.chat.postMessage({ channel, text, blocks }));
        await deployments.remember(id, { message: ts });
    } else {
        await app.client.chat.update({ channel, ts, text, blocks });
    }
    if ((status === 'success' || status === 'failed') && told === undefined) {
        await deployments.remember(id, { told: 1 });
        await app.client.chat.postMessage({ channel, thread_ts: ts, text: `<@${user}> ${project} ${version}: ${status}.` });
    }
}

// --- questions and answers

async function askOnce(id, job) {
    const [, step, machine, attempt] = job.split('-');
    const [{ project, version, channel, user }, tail] = await Promise.all([deployments.read(id), deployments.tail(job)]);
    const text = `<@${user}> Step ${Number(step) + 1} of ${project} ${version} failed on ${machine}. What now?`;
    const value = `${id}:${machine}:${attempt}`;
    const elements = Object.entries(ANSWERS).map(([verb, name]) => ({
        type: 'button',
        action_id: `answer.${verb}`,
        value,
        text: { type: 'plain_text', text: name },
        ...STYLES[verb],
    }));
    const shown = tail.trim() === '' ? [] : [section(`\`\`\`${escape(tail)}\`\`\``)];
    await app.client.chat.postMessage({ channel, text, blocks: [section(text), ...shown, { type: 'actions', elements }] });
}

function ask(id, job) {
    askOnce(id, job).catch(log);
}

app.action(/^answer\./, async ({ ack, action, body, client }) => {
    await ack();
    const [id, machine] = action.value.split(':');
    const guidance = action.action_id.split('.')[1];
    const channel = body.channel.id;
    const machines = await deployments.claim(id, machine);
    if (machines.length === 0) {
        await client.chat.postEphemeral({ channel, user: body.user.id, text: 'This was answered already.' });
        return;
    }
    const text = `${ANSWERS[guidance]} on ${machine} by <@${body.user.id}>.`;
    await Promise.all([
        deployments.carryOut(id, machines, guidance),
        client.chat.update({ channel, ts: body.message.ts, text, blocks: [section(text)] }),
    ]);
});

// --- commands

async function command(channel, user, text, refuse) {
    const [, project, version] = /\bdeploy (\S+) (\S+)/.exec(text) ?? [];
    if (projects[project] === undefined) {
        await refuse({ channel, user, text: 'Say: deploy PROJECT VERSION, with a project that there is.' });
        return;
    }
    await deployments.deploy(project, version, { channel, user });
}

app.command('/guidepost', async ({ ack, command: { channel_id: channel, user_id: user, text }, client }) => {
    await ack();
    await command(channel, user, text, client.chat.postEphemeral);
});

app.event('app_mention', async ({ event: { channel, user, text }, client }) => {
    await command(channel, user, text, client.chat.postEphemeral);
});

app.error(async (error) => log(error));
await app.start();
console.log('started');
