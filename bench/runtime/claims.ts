// Tasks claimed and completed by eight clients: by our functions, by the least that a queue can be (one table, `for update skip
// locked`), and by graphile-worker with a task that does nothing.

import { Logger, makeWorkerUtils, run } from 'graphile-worker'
import pg from 'pg'
import { type Measured, median, type Part } from '../metering/part.ts'
import { withClient, withScratch } from '../scratch.ts'
import { timed } from '../timing.ts'
import { addTasks, claim, complete, createQueue, openSession, type Queue } from './queue.ts'

const clients = 8
const silent = new Logger(() => () => {})

const bareTable = `
  create table public.bare (id uuid primary key default gen_random_uuid(), priority int not null, created_at timestamptz not null default clock_timestamp(),
    status text not null default 'pending', input jsonb not null default '{}', output jsonb);
  create index on public.bare (priority desc, created_at) where status = 'pending';`
const bareClaim = `
  update public.bare set status = 'in_progress' where id = (
    select id from public.bare where status = 'pending' order by priority desc, created_at limit 1 for update skip locked)
  returning id`
const bareComplete = `update public.bare set status = 'completed', output = $2 where id = $1`

export const measureClaims = (serverUrl: string, rounds: number, tasks: number): Promise<Part> =>
  withScratch(serverUrl, (url) => withClient(url, (client) => measure(url, client, rounds, tasks)))

async function measure(url: string, client: pg.Client, rounds: number, tasks: number): Promise<Part> {
  const queue = await createQueue(client, 'queue')
  await client.query(bareTable)
  const ours = await Promise.all(Array.from({ length: clients }, () => openSession(url, queue)))
  const theirs = await Promise.all(
    Array.from({ length: clients }, async () => {
      const bare = new pg.Client({ connectionString: url })
      await bare.connect()
      return bare
    }),
  )
  const rates = { ours: [] as number[], bare: [] as number[], worker: [] as number[] }
  const contenders = {
    ours: async () => {
      await addTasks(client, queue, tasks)
      return timed(() => together(ours, (session) => workOnTask(session, queue)))
    },
    bare: async () => {
      await client.query('insert into public.bare (priority) select i % 4 from generate_series(1, $1) i', [tasks])
      return timed(() => together(theirs, workOnBare))
    },
    worker: () => timeWorker(url, tasks),
  }
  try {
    const names = Object.keys(contenders) as (keyof typeof contenders)[]
    // the first round warms up
    for (let round = 0; round <= rounds; round++) {
      for (let turn = 0; turn < names.length; turn++) {
        const name = names[(round + turn) % names.length] as keyof typeof contenders
        await client.query('vacuum analyze app_public.tasks, public.bare')
        const ms = await contenders[name]()
        if (round > 0) rates[name].push((tasks / ms) * 1000)
      }
    }
  } finally {
    await Promise.all([...ours, ...theirs].map((session) => session.end()))
  }
  const compare = (name: string, others: number[], bar: number): Measured => ({
    name,
    ours: `${median(rates.ours).toFixed(0)}/s`,
    theirs: `${median(others).toFixed(0)}/s`,
    ratio: median(rates.ours.map((rate, i) => rate / (others[i] as number))),
    sign: '≥',
    bar,
  })
  return {
    title: 'Claiming and completing',
    how: `${clients} clients, ${tasks} tasks a round, each a claim and a completion in two transactions, ${rounds} rounds in turn; a ratio is the median of the rounds' ratios. graphile-worker runs as many jobs at once, with a task that does nothing; it has no bar.`,
    measured: [
      compare('claim and complete : a bare queue', rates.bare, 0.5),
      compare('claim and complete : jobs of graphile-worker', rates.worker, 0),
    ],
  }
}

/** Each session works until its work says that nothing waits. */
async function together(sessions: pg.Client[], work: (session: pg.Client) => Promise<boolean>): Promise<void> {
  await Promise.all(
    sessions.map(async (session) => {
      while (await work(session));
    }),
  )
}

async function workOnTask(session: pg.Client, queue: Queue): Promise<boolean> {
  const lease = await claim(session, queue)
  if (lease.task_id === null) return false
  await complete(session, lease)
  return true
}

async function workOnBare(session: pg.Client): Promise<boolean> {
  const { rows } = await session.query<{ id: string }>({ name: 'claim', text: bareClaim })
  if (!rows[0]) return false
  await session.query({ name: 'complete', text: bareComplete, values: [rows[0].id, '{"result": 1}'] })
  return true
}

/** Milliseconds from the start of a worker until the last of so many jobs has been done. */
async function timeWorker(url: string, tasks: number): Promise<number> {
  const utils = await makeWorkerUtils({ connectionString: url, logger: silent })
  await utils.addJobs(Array.from({ length: tasks }, () => ({ identifier: 'nothing', payload: {} })))
  await utils.release()
  let left = tasks
  const done = Promise.withResolvers<void>()
  const started = performance.now()
  const runner = await run({
    connectionString: url,
    concurrency: clients,
    noHandleSignals: true,
    parsedCronItems: [],
    logger: silent,
    taskList: {
      nothing: () => {
        left--
        if (left === 0) done.resolve()
      },
    },
  })
  await done.promise
  const ms = performance.now() - started
  await runner.stop()
  return ms
}
