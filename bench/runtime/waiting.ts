// What a claim costs when a million tasks wait, against one when a thousand do: in the line that is claimed from, and in others.

import type pg from 'pg'
import { type Measured, median, type Part } from '../metering/part.ts'
import { withClient, withScratch } from '../scratch.ts'
import { timed } from '../timing.ts'
import { addTasks, claim, createQueue, openSession, type Queue } from './queue.ts'

const few = 1_000
const claims = 100

export const measureWaiting = (serverUrl: string, rounds: number, waiting: number): Promise<Part> =>
  withScratch(serverUrl, (url) => withClient(url, (client) => measure(url, client, rounds, waiting)))

async function measure(url: string, client: pg.Client, rounds: number, waiting: number): Promise<Part> {
  const queues = {
    few: await createQueue(client, 'few'),
    many: await createQueue(client, 'many'),
    elsewhere: await createQueue(client, 'elsewhere'),
  }
  await addTasks(client, queues.few, few)
  await addTasks(client, queues.many, waiting)
  await addTasks(client, queues.elsewhere, few)
  await addTasks(client, queues.elsewhere, waiting, 'other')
  await client.query('vacuum analyze app_public.tasks')
  const times = { few: [] as number[], many: [] as number[], elsewhere: [] as number[] }
  for (let round = 0; round <= rounds; round++) {
    for (const name of Object.keys(queues) as (keyof typeof queues)[]) {
      const ms = await timeClaims(url, queues[name])
      if (round > 0) times[name].push(ms / claims)
    }
  }
  const compare = (name: string, ours: number[]): Measured => ({
    name,
    ours: `${median(ours).toFixed(3)} ms`,
    theirs: `${median(times.few).toFixed(3)} ms`,
    ratio: median(ours.map((ms, i) => ms / (times.few[i] as number))),
    sign: '≤',
    bar: 1.5,
  })
  return {
    title: 'Claiming among many',
    how: `${claims} claims on one connection, rolled back, in turn, ${rounds} rounds: among ${waiting} tasks in the same line, among as many in another line of the tenant, and among ${few}; a ratio is the median of the rounds' ratios`,
    measured: [
      compare(`a claim among ${waiting} : among ${few}`, times.many),
      compare(`a claim beside ${waiting} for others : among ${few}`, times.elsewhere),
    ],
  }
}

async function timeClaims(url: string, queue: Queue): Promise<number> {
  const session = await openSession(url, queue)
  try {
    await session.query('begin')
    await claim(session, queue)
    const ms = await timed(async () => {
      for (let i = 0; i < claims; i++) await claim(session, queue)
    })
    await session.query('rollback')
    return ms
  } finally {
    await session.end()
  }
}
