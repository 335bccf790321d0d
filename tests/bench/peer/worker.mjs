// The worker: runs the command of each job in a shell and keeps what it prints.
//
//     REDIS=/path/redis.sock node worker.mjs        prints "ready" when it takes jobs
import { spawn } from 'node:child_process';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';

const connection = { path: process.env.REDIS, maxRetriesPerRequest: null };
const redis = new Redis(connection);

function shell(command, env) {
    return new Promise((resolve, reject) => {
        const output = [];
        const child = spawn('/bin/sh', ['-e', '-c', command], { env, stdio: ['ignore', 'pipe', 'pipe'] });
        child.stdout.on('data', (chunk) => output.push(chunk));
        child.stderr.on('data', (chunk) => output.push(chunk));
        child.on('error', reject);
        child.on('close', (code, signal) => resolve({ code, signal, output: Buffer.concat(output) }));
    });
}

async function runStep({ id, data }) {
    const { code, signal, output } = await shell(data.run, { ...process.env, ATTEMPT: data.attempt });
    if (output.length > 0) {
        await redis.append(`output:${id}`, output);
    }
    if (code !== 0) {
        throw new Error(signal ? `ended by ${signal}` : `exit code ${code}`);
    }
}

const worker = new Worker('steps', runStep, { connection, concurrency: Number(process.env.CONCURRENCY ?? 16) });
worker.on('error', (error) => console.error(error));
await worker.waitUntilReady();
console.log('ready');
