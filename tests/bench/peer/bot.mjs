// The bot: takes deployments over HTTP, queues a job for each step and machine, and goes on with the next step when the
// jobs of one have ended. A failed step pauses its deployment until somebody answers.
//
//     REDIS=/path/redis.sock PROJECTS=/path/projects.json node bot.mjs        prints the port when it listens
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Queue, QueueEvents } from 'bullmq';
import { Redis } from 'ioredis';

const connection = { path: process.env.REDIS, maxRetriesPerRequest: null };
const projects = JSON.parse(readFileSync(process.env.PROJECTS, 'utf8'));
const redis = new Redis(connection);
const steps = new Queue('steps', { connection, defaultJobOptions: { removeOnComplete: true, removeOnFail: 1000 } });
const events = new QueueEvents('steps', { connection });

const key = (id) => `deployment:${id}`;
const lane = (project) => `lane:${project}`;

function enqueue(id, project, step, machines, attempt) {
    const { run } = projects[project].steps[step];
    return steps.addBulk(
        machines.map((machine) => ({
            name: 'step',
            data: { deployment: id, machine, run, attempt },
            opts: { jobId: `${id}-${step}-${machine}-${attempt}` },
        })),
    );
}

async function startStep(id, project, step) {
    const { machines } = projects[project].steps[step];
    await redis.hset(key(id), { status: 'running', step, left: machines.length, attempt: 1 });
    await enqueue(id, project, step, machines, 1);
}

// Deployments of one project run one after another.
async function deploy(project, version) {
    const id = await redis.incr('deployments');
    await redis.hset(key(id), { project, version, status: 'queued' });
    if ((await redis.rpush(lane(project), id)) === 1) {
        await startStep(id, project, 0);
    }
    return id;
}

async function finish(id, project) {
    const success = { status: 'success', ended: Date.now() };
    await redis.multi().hset(key(id), success).incr('ended').lpop(lane(project)).exec();
    const next = await redis.lindex(lane(project), 0);
    if (next !== null) {
        await startStep(next, project, 0);
    }
}

async function stepCompleted(jobId) {
    const [id, step] = jobId.split('-');
    if ((await redis.hincrby(key(id), 'left', -1)) > 0) {
        return;
    }
    const project = await redis.hget(key(id), 'project');
    if (Number(step) + 1 < projects[project].steps.length) {
        await startStep(id, project, Number(step) + 1);
    } else {
        await finish(id, project);
    }
}

async function stepFailed(jobId) {
    const [id, , machine] = jobId.split('-');
    await redis
        .multi()
        .sadd(`${key(id)}:failed`, machine)
        .hset(key(id), 'status', 'paused')
        .sadd('questions', id)
        .exec();
}

// Whoever takes the failed machines out of their set has answered. One that fails later asks again.
async function answer(id) {
    const [[, machines], , [, attempt], [, [project, step]]] = await redis
        .multi()
        .spop(`${key(id)}:failed`, 1000)
        .srem('questions', id)
        .hincrby(key(id), 'attempt', 1)
        .hmget(key(id), 'project', 'step')
        .exec();
    if (machines.length === 0) {
        return false;
    }
    await redis.hset(key(id), 'status', 'running');
    await enqueue(id, project, Number(step), machines, attempt);
    return true;
}

const routes = {
    'POST /deploy': async ({ project, version }) =>
        projects[project] ? { deployment: await deploy(project, version) } : { status: 404, error: 'no such project' },
    'POST /answer': async ({ deployment, guidance }) => {
        if (guidance !== 'retry') {
            return { status: 400, error: 'the guidance is retry' };
        }
        return (await answer(deployment)) ? { ok: true } : { status: 409, error: 'nothing to answer' };
    },
    'GET /questions': async () => ({ questions: (await redis.smembers('questions')).map(Number) }),
    'GET /metrics': async () => ({ ended: Number(await redis.get('ended')) }),
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

function log(error) {
    console.error(error);
}

events.on('completed', ({ jobId }) => stepCompleted(jobId).catch(log));
events.on('failed', ({ jobId }) => stepFailed(jobId).catch(log));
await Promise.all([steps.waitUntilReady(), events.waitUntilReady()]);

const server = createServer((request, response) => {
    handle(request, response).catch((error) => {
        log(error);
        response.writeHead(500).end();
    });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
