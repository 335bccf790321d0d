// Deployments in Redis, and a job in BullMQ for each step and machine. The next step begins when the jobs of one have
// ended; a failed one pauses the deployment until somebody answers. Whoever wants to show it hears of each change:
//
//     const deployments = await createDeployments({ connection, projects, changed: (id) => {}, failed: (id, job) => {} });
import { Queue, QueueEvents } from 'bullmq';
import { Redis } from 'ioredis';

function log(error) {
    console.error(error);
}

export async function createDeployments({ connection, projects, changed = () => {}, failed = () => {} }) {
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

    async function startStep(id, project, step, excluded = []) {
        const machines = projects[project].steps[step].machines.filter((machine) => !excluded.includes(machine));
        if (machines.length === 0) {
            await finish(id, project, 'failed');
            return;
        }
        await redis.hset(key(id), { status: 'running', step, left: machines.length, attempt: 1 });
        await enqueue(id, project, step, machines, 1);
        changed(id);
    }

    // Deployments of one project run one after another.
    async function deploy(project, version, more = {}) {
        const id = await redis.incr('deployments');
        await redis.hset(key(id), { project, version, status: 'queued', ...more });
        if ((await redis.rpush(lane(project), id)) === 1) {
            await startStep(id, project, 0);
        } else {
            changed(id);
        }
        return id;
    }

    async function finish(id, project, status) {
        await redis
            .multi()
            .hset(key(id), { status, ended: Date.now() })
            .srem('questions', id)
            .incr('ended')
            .lpop(lane(project))
            .exec();
        changed(id);
        const next = await redis.lindex(lane(project), 0);
        if (next !== null) {
            await startStep(next, project, 0);
        }
    }

    async function machinesDone(id, count) {
        if ((await redis.hincrby(key(id), 'left', -count)) > 0) {
            return;
        }
        const [project, step, status, excluded] = await redis.hmget(key(id), 'project', 'step', 'status', 'excluded');
        if (status === 'failed') {
            return;
        }
        if (Number(step) + 1 < projects[project].steps.length) {
            await startStep(id, project, Number(step) + 1, excluded?.split(' '));
        } else {
            await finish(id, project, 'success');
        }
    }

    async function stepFailed(job) {
        const [id, , machine] = job.split('-');
        await redis
            .multi()
            .sadd(`${key(id)}:failed`, machine)
            .hset(key(id), 'status', 'paused')
            .sadd('questions', id)
            .exec();
        changed(id);
        failed(id, job);
    }

    // Whoever takes failed machines out of their set has answered; gives those taken, of one question or of all. One that
    // fails later asks again.
    async function claim(id, machine) {
        const failures = `${key(id)}:failed`;
        if (machine === undefined) {
            return redis.spop(failures, 1000);
        }
        return (await redis.srem(failures, machine)) === 1 ? [machine] : [];
    }

    async function carryOut(id, machines, guidance) {
        const [, [, waiting], [, attempt], [, [project, step, excluded]]] = await redis
            .multi()
            .hset(key(id), 'status', 'running')
            .scard(`${key(id)}:failed`)
            .hincrby(key(id), 'attempt', 1)
            .hmget(key(id), 'project', 'step', 'excluded')
            .exec();
        if (waiting === 0) {
            await redis.srem('questions', id);
        }
        if (guidance === 'retry') {
            await enqueue(id, project, Number(step), machines, attempt);
            changed(id);
        } else if (guidance === 'fail') {
            await finish(id, project, 'failed');
        } else {
            if (guidance === 'exclude') {
                await redis.hset(key(id), 'excluded', [excluded, ...machines].filter(Boolean).join(' '));
            }
            await machinesDone(id, machines.length);
        }
    }

    events.on('completed', ({ jobId }) => machinesDone(jobId.split('-')[0], 1).catch(log));
    events.on('failed', ({ jobId }) => stepFailed(jobId).catch(log));
    await Promise.all([steps.waitUntilReady(), events.waitUntilReady()]);

    return {
        deploy,
        claim,
        carryOut,
        read: (id) => redis.hgetall(key(id)),
        remember: (id, values) => redis.hset(key(id), values),
        tail: (job) => redis.getrange(`output:${job}`, -1000, -1),
        questions: async () => (await redis.smembers('questions')).map(Number),
        ended: async () => Number(await redis.get('ended')),
    };
}
