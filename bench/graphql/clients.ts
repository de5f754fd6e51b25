// Many clients that ask the same server at once, each over a connection of its own, one question after the other.

import { Agent } from 'node:http'
import { post } from '../graphql.ts'

export type Question = { url: string; headers: Record<string, string>; body: () => string }
export type Rate = { perSecond: number; answers: number; times: number[] }

/** Asks for so long; an answer with errors, or without what is asked for, ends the measurement. */
export async function askFor(seconds: number, clients: number, question: Question): Promise<Rate> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  const times: number[] = []
  const started = performance.now()
  const end = started + seconds * 1_000
  const client = async (): Promise<void> => {
    while (performance.now() < end) {
      const asked = performance.now()
      const answer = await post(`${question.url}/graphql`, agent, question.headers, question.body())
      if (!answer.startsWith('{"data":{"agent":{"id"')) throw new Error(`The server answers ${answer.slice(0, 500)}`)
      times.push(performance.now() - asked)
    }
  }
  try {
    await Promise.all(Array.from({ length: clients }, client))
  } finally {
    agent.destroy()
  }
  return { perSecond: (times.length * 1_000) / (performance.now() - started), answers: times.length, times }
}
