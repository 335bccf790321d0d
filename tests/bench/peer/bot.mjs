// The bot without a chat: takes deployments and answers over HTTP.
//
//     REDIS=/path/redis.sock PROJECTS=/path/projects.json node bot.mjs        prints the port when it listens
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createDeployments } from './deployments.mjs';

const connection = { path: process.env.REDIS, maxRetriesPerRequest: null };
const projects = JSON.parse(readFileSync(process.env.PROJECTS, 'utf8'));
const deployments = await createDeployments({ connection, projects });

async function answer(id) {
    const machines = await deployments.claim(id);
    if (machines.length > 0) {
        await deployments.carryOut(id, machines, 'retry');
    }
    return machines.length > 0;
}

const routes = {
    'POST /deploy': async ({ project, version }) =>
        projects[project]
            ? { deployment: await deployments.deploy(project, version) }
            : { status: 404, error: 'no such project' },
    'POST /answer': async ({ deployment, guidance }) => {
        if (guidance !== 'retry') {
            return { status: 400, error: 'the guidance is retry' };
        }
        return (await answer(deployment)) ? { ok: true } : { status: 409, error: 'nothing to answer' };
    },
    'GET /questions': async () => ({ questions: await deployments.questions() }),
    'GET /metrics': async () => ({ ended: await deployments.ended() }),
};

async function readBody(request) {
    let text = '';
    for await (const chunk of request) {
        text += chunk;
    }
    return text === '' ? {} : JSON.parse(text);
}

async function handle(request, response) {
    const route = routes[`${request.method} ${request.url}`];
    const { status = 200, ...body } = route ? await route(await readBody(request)) : { status: 404 };
    const text = JSON.stringify(body);
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) };
    response.writeHead(status, headers).end(text);
}

const server = createServer((request, response) => {
    handle(request, response).catch((error) => {
        console.error(error);
        response.writeHead(500).end();
    });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
