// LISTEN and NOTIFY between connections that share the embedded engine's one session.

import type { Socket } from 'node:net'
import pg from 'pg'
import { serialize } from 'pg-protocol'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { type EmbeddedEngine, openEmbeddedEngine } from '../../server/embedded-engine.ts'
import { openWire, values } from './wire.ts'

let engine: EmbeddedEngine
const open: pg.Client[] = []
beforeAll(async () => {
  engine = await openEmbeddedEngine({})
})
afterEach(() => Promise.all(open.splice(0).map((client) => client.end().catch(() => {}))))
afterAll(() => engine.close())

type Listener = pg.Client & { heard: string[]; said: () => Promise<string[]> }

/** Notifications come before the answer to the statement after them. */
async function connected(): Promise<Listener> {
  const client = new pg.Client({ connectionString: engine.connectionString }) as Listener
  client.on('error', () => {})
  client.heard = []
  client.said = async () => {
    await client.query('select 1')
    return client.heard.splice(0)
  }
  client.on('notification', ({ channel, payload }) => client.heard.push(`${channel}:${payload}`))
  await client.connect()
  open.push(client)
  return client
}
const streamOf = (client: pg.Client): Socket =>
  (client as unknown as { connection: { stream: Socket } }).connection.stream

it('reaches each connection that listens to the channel, the speaker too, and no other', async () => {
  const [a, b, c, speaker] = [await connected(), await connected(), await connected(), await connected()]
  await a.query('listen news')
  await b.query('LISTEN "News"; listen news')
  await c.query('listen other')
  await speaker.query('listen news')
  await speaker.query(`select pg_notify('news', '1'), pg_notify('News', '2'), pg_notify('nobody', '3')`)
  expect(await a.said()).toEqual(['news:1'])
  expect(await b.said()).toEqual(['news:1', 'News:2'])
  expect(await c.said()).toEqual([])
  expect(speaker.heard).toEqual(['news:1'])
})

it('reaches a connection that says nothing', async () => {
  const [idle, speaker] = [await connected(), await connected()]
  await idle.query('listen quiet')
  const heard = new Promise((resolve) => idle.once('notification', resolve))
  await speaker.query('notify quiet')
  expect(await heard).toMatchObject({ channel: 'quiet' })
})

it('comes after the commit, and never after a rollback', async () => {
  const [a, speaker] = [await connected(), await connected()]
  await a.query('listen news')
  await speaker.query(`begin`)
  await speaker.query(`notify news, 'lost'`)
  await speaker.query('rollback')
  expect(await a.said()).toEqual([])
  await speaker.query('begin')
  await speaker.query(`notify news, 'kept'`)
  expect(a.heard).toEqual([])
  await speaker.query('commit')
  expect(await a.said()).toEqual(['news:kept'])
})

it('follows LISTEN and UNLISTEN of each connection alone, as its transactions end', async () => {
  const [a, b, speaker] = [await connected(), await connected(), await connected()]
  const say = (text: string) => speaker.query(`select pg_notify('news', $1)`, [text])
  await a.query('listen news')
  await b.query('begin')
  await b.query('listen news')
  await b.query('rollback')
  await say('1')
  expect(await b.said()).toEqual([])
  await b.query({ name: 'prepared', text: 'listen news', values: [] })
  await say('2')
  expect(await b.said()).toEqual(['news:2'])
  await b.query('unlisten news')
  await b.query(`notify news, '3'`)
  await say('4')
  expect(await b.said()).toEqual([])
  expect(await a.said()).toEqual(['news:1', 'news:2', 'news:3', 'news:4'])
  await a.query('discard all')
  await say('5')
  expect(await a.said()).toEqual([])
})

it('is not begun by a text that only speaks of it', async () => {
  const [a, speaker] = [await connected(), await connected()]
  await a.query(`select 'x; listen news' /* ; listen news ; */ -- ; listen news`)
  await a.query('listen other')
  await speaker.query(`notify news, '1'`)
  await speaker.query(`notify other, '2'`)
  expect(await a.said()).toEqual(['other:2'])
})

it('leaves nothing of a connection that went away', async () => {
  const [a, b] = [await connected(), await connected()]
  await a.query('listen passing; listen staying')
  await b.query('listen staying')
  const closed = new Promise((resolve) => a.once('end', resolve))
  streamOf(a).destroy()
  await closed
  await expect
    .poll(async () => (await (await connected()).query('select pg_listening_channels() as c')).rows)
    .toEqual([{ c: 'staying' }])
  await b.query(`notify staying, 'b'`)
  expect(b.heard).toEqual(['staying:b'])
})

it('amid a large answer cuts nothing of it', async () => {
  const [a, b] = [await connected(), await connected()]
  await a.query('listen news')
  const wire = await openWire(engine.connectionString)
  wire.write(
    serialize.query(`notify news, '${'x'.repeat(7000)}'; select repeat('y', 100000) from generate_series(1, 20)`),
  )
  const answer = values(await wire.answer())
  expect(answer).toHaveLength(20)
  expect(new Set(answer)).toEqual(new Set(['y'.repeat(100_000)]))
  expect((await a.said())[0]).toHaveLength('news:'.length + 7000)
  expect(await b.said()).toEqual([])
  wire.socket.destroy()
})

it('ends a connection that does not read what it listens to, and no other', async () => {
  const [slow, fast, speaker] = [await connected(), await connected(), await connected()]
  await slow.query('listen flood')
  await fast.query('listen flood')
  streamOf(slow).pause()
  const ended = new Promise((resolve) => streamOf(slow).once('close', resolve))
  for (let i = 0; i < 200; i += 1)
    await speaker.query(`select pg_notify('flood', $1 || n || repeat('x', 7000)) from generate_series(1, 20) as n`, [
      `${i}-`,
    ])
  expect(await fast.said()).toHaveLength(4000)
  streamOf(slow).resume()
  await ended
  expect(slow.heard.length).toBeLessThan(4000)
})
