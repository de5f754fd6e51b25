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
  }
  for (const queue of Object.values(queues)) await addTasks(client, queue, few)
  await addTasks(client, queues.few, few, 'translate')
  await addTasks(client, queues.many, waiting, 'translate')
  await client.query('vacuum analyze app_public.tasks')
  const compare = async (name: string, capabilities: string[]): Promise<Measured> => {
    const times = { few: [] as number[], many: [] as number[] }
    for (let round = 0; round <= rounds; round++) {
      for (const size of ['few', 'many'] as const) {
        const ms = await timeClaims(url, queues[size], capabilities)
        if (round > 0) times[size].push(ms / claims)
      }
    }
    return {
      name,
      ours: `${median(times.many).toFixed(3)} ms`,
      theirs: `${median(times.few).toFixed(3)} ms`,
      ratio: median(times.many.map((ms, i) => ms / (times.few[i] as number))),
      sign: '≤',
      bar: 1.5,
    }
  }
  return {
    title: 'Claiming among many',
    how: `${claims} claims on one connection, rolled back, in turn, ${rounds} rounds: from a line in which ${waiting} tasks wait, and beside such a line of the tenant, against the same with ${few}; a ratio is the median of the rounds' ratios`,
    measured: [
      await compare(`a claim among ${waiting} tasks : among ${few}`, ['translate']),
      await compare(`a claim beside ${waiting} tasks for others : beside ${few}`, []),
    ],
  }
}

async function timeClaims(url: string, queue: Queue, capabilities: string[]): Promise<number> {
  const session = await openSession(url, queue)
  try {
    await session.query('begin')
    await claim(session, queue, capabilities)
    const ms = await timed(async () => {
      for (let i = 0; i < claims; i++) await claim(session, queue, capabilities)
    })
    await session.query('rollback')
    return ms
  } finally {
    await session.end()
  }
}
