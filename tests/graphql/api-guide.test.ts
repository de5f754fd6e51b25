// docs/api.md is run: its requests are asked in their order by the people that the text names, and the answers must be
// those that the page shows. What a block is, its first line tells:
//   ```http            a request (POST …), or the answer to the one before (HTTP/1.1 …)
//   ```graphql         an operation, asked by whoever the text last named (As `…@…`, or "Without a token")
//   ```json variables  the variables of the operation before it
//   ```json            the answer to the operation before it, or what the code before it has printed
//   ```ts              code of a client; what one block declares, the later ones know
//   ```ts src/x.ts     a file of a project that has other packages than we: its documents and scalars are checked
//   ```json x.json     a file of such a project: it is read only
// "…" in an answer stands for any value, and a name such as TAG_ID for one that later requests give back.

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Context, createContext, runInContext } from 'node:vm'
import { buildSchema, type GraphQLSchema, isScalarType, parse, specifiedScalarTypes, validate } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphqlOf } from '../../scripts/generate.ts'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { startTestWorker, type TestWorker } from '../helpers/worker.ts'

type Block = {
  language: string
  /** What follows the language in the first line. */
  info: string
  text: string
  line: number
  heading: string
  /** Who asks: an e-mail address, or undefined without a token. */
  person: string | undefined
}

const root = join(import.meta.dirname, '../..')
const page = await readFile(join(root, 'docs/api.md'), 'utf8')
const blocks = blocksOf(page)

const db = useDatabase()
let server: TestServer
let worker: TestWorker
let schema: GraphQLSchema
let client: Context
const printed: unknown[] = []
const known = new Map<string, string>()

beforeAll(async () => {
  await prepareDatabase()
  server = await startTestServer(db.url)
  worker = await startTestWorker(db.url)
  schema = buildSchema(await graphqlOf(db.url))
  client = createContext({
    fetch: (address: string, init: RequestInit) => fetch(atServer(address), init),
    console: { log: (value: unknown) => printed.push(value) },
    // a page that asks every second need not take seconds here
    setTimeout: (work: () => void, ms: number) => setTimeout(work, ms / 20),
    ...{ File, btoa, Uint8Array },
  })
})
afterAll(async () => {
  await worker?.stop()
  await server?.close()
})

describe('docs/api.md', () => {
  for (const [index, block] of blocks.entries()) {
    if (!isStep(block)) continue
    it(`line ${block.line}, ${block.heading}`, () => run(block, following(index)))
  }

  it('has code that compiles', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rowhouse-guide-'))
    try {
      const code = blocks.filter(isCode).map(({ text }) => text)
      const file = join(directory, 'guide.ts')
      await writeFile(file, `${code.join('\n')}\nexport {}\n`)
      const options = '--ignoreConfig --noEmit --strict --target es2024 --lib es2024,dom --module esnext'.split(' ')
      const compiler = join(root, 'node_modules/typescript/bin/tsc')
      const compiled = promisify(execFile)(process.execPath, [compiler, ...options, file])
      await compiled.catch(({ stdout }: { stdout: string }) => expect.fail(stdout))
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  it('names every scalar of the schema, in its table and for both generators', () => {
    const scalars = Object.values(schema.getTypeMap())
      .filter((type) => isScalarType(type) && !specifiedScalarTypes.includes(type))
      .map(({ name }) => name)
      .toSorted()
    const described = page.match(/(?<=^\| `)\w+(?=` \| (`|any value))/gm)
    expect(described?.toSorted()).toEqual(scalars)
    const lists = blocks.filter(({ text }) => /^ *scalars: \{$/m.test(text))
    expect(lists).toHaveLength(2)
    for (const { text } of lists) {
      const listed = /scalars: \{\n(.*?)\n *\}/s.exec(text)?.[1]?.match(/\w+(?=: )/g)
      expect(listed?.toSorted()).toEqual(scalars)
    }
  })
})

/** What the page takes for granted: a limit of globex's plan, and what acme has searched for in the past. */
async function prepareDatabase(): Promise<void> {
  await db.pool.query(
    `insert into app_public.rate_limit_config (tenant_id, source, per_minute) values ($1, 'plan', 1)`,
    [db.globex.id],
  )
  for (const [mode, latency] of [
    ['bm25', 2],
    ['hybrid', 4],
    ['hybrid', 6],
  ]) {
    await db.pool.query(
      `insert into app_public.query_logs (tenant_id, created_at, mode, latency_ms, hit_count, source_ids,
                                          source_hit_counts, source_relevances)
       values ($1, now(), $2, $3, 0, '{}', '{}', '{}')`,
      [db.acme.id, mode, latency],
    )
  }
}

function blocksOf(page: string): Block[] {
  const found: Block[] = []
  let open: Block | undefined
  let heading = ''
  let person: string | undefined
  for (const [index, line] of page.split('\n').entries()) {
    const fence = /^```(\w*) ?(.*)$/.exec(line)
    if (open) {
      if (fence) open = undefined
      else open.text += `${line}\n`
    } else if (fence) {
      open = { language: fence[1] ?? '', info: fence[2] ?? '', text: '', line: index + 1, heading, person }
      found.push(open)
    } else {
      heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading
      for (const [, email] of line.matchAll(/\bAs `([^`]+@[^`]+)`|\bWithout a token\b/gi)) person = email
    }
  }
  return found
}

const isCode = ({ language, info }: Block): boolean => language === 'ts' && info === ''
const isAnswer = ({ language, info, text }: Block): boolean =>
  (language === 'json' && info === '') || (language === 'http' && text.startsWith('HTTP/'))
const isVariables = ({ language, info }: Block): boolean => language === 'json' && info === 'variables'
/** Commands are for a shell, and are tried by hand. */
const isStep = (block: Block): boolean => block.language !== 'sh' && !isAnswer(block) && !isVariables(block)

function following(index: number): { variables?: Block | undefined; answer?: Block | undefined } {
  const rest = blocks.slice(index + 1)
  const end = rest.findIndex(isStep)
  const own = end < 0 ? rest : rest.slice(0, end)
  return { variables: own.find(isVariables), answer: own.find(isAnswer) }
}

async function run(block: Block, { variables, answer }: ReturnType<typeof following>): Promise<void> {
  const { language, info, text } = block
  if (language === 'http') return compare(answer, await send(block))
  if (language === 'graphql') {
    const body = { query: text, ...(variables ? { variables: JSON.parse(filledIn(variables.text)) } : {}) }
    return compare(answer, await post(block.person, JSON.stringify(body)))
  }
  if (isCode(block)) {
    await runCode(block)
    const shown = printed.splice(0)
    if (answer) expect(shown.map(plain)).toEqual([JSON.parse(answer.text)])
    else expect(shown).toEqual([])
    return
  }
  if (language === 'json') return JSON.parse(text)
  if (language === 'ts') return checkDocuments(text)
  expect.fail(`Nobody knows how to run ${language} ${info}.`)
}

type Answer = { status: number; headers: Headers; body: unknown }

/** Sends a request as it is written, with a token of the person in the place of TOKEN. */
async function send({ text, person }: Block): Promise<Answer> {
  const [head = '', body = ''] = text.split('\n\n')
  const [line = '', ...headers] = head.split('\n')
  const [, method = '', path = ''] = /^(\w+) (\S+)$/.exec(line) ?? []
  const given = headers.map((header) => header.split(': ') as [string, string])
  const token = person ? await server.token(person) : ''
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: given.map(([name, value]) => [name, value.replace('TOKEN', token)] as [string, string]),
    body: filledIn(body),
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

async function post(person: string | undefined, body: string): Promise<Answer> {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(person ? { authorization: `Bearer ${await server.token(person)}` } : {}),
    },
    body,
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

/** An answer in JSON is one with status 200; one in HTTP says its status and some of its headers. */
function compare(answer: Block | undefined, actual: Answer): void {
  if (!answer) {
    expect(actual.body).not.toHaveProperty('errors')
    return
  }
  const [head = '', body = ''] = answer.language === 'http' ? answer.text.split('\n\n') : ['', answer.text]
  const [line = 'HTTP/1.1 200', ...headers] = head.split('\n').filter(Boolean)
  const expected = JSON.parse(body)
  remember(expected, actual.body)
  expect(like(expected, actual.body)).toEqual(expected)
  expect(actual.status).toBe(Number(line.split(' ')[1]))
  for (const header of headers) {
    const [name = '', value] = header.split(': ')
    expect(`${name}: ${like(value, actual.headers.get(name))}`).toBe(header)
  }
}

const isName = (value: unknown): value is string => typeof value === 'string' && /^[A-Z]+_(ID|CURSOR)$/.test(value)

/** The actual value, but "…" and names of values where the page has them and there is something. */
function like(expected: unknown, actual: unknown): unknown {
  if (actual !== null && actual !== undefined) {
    if (expected === '…' || isName(expected)) return expected
    if (typeof expected === 'string' && typeof actual === 'string' && expected.includes('…')) {
      const [start = '', end = ''] = expected.split('…')
      return actual.startsWith(start) && actual.endsWith(end) ? expected : actual
    }
  }
  if (Array.isArray(expected) && Array.isArray(actual)) return actual.map((value, i) => like(expected[i], value))
  if (!isObject(expected) || !isObject(actual)) return actual
  return Object.fromEntries(Object.entries(actual).map(([key, value]) => [key, like(expected[key], value)]))
}

function remember(expected: unknown, actual: unknown): void {
  if (isName(expected) && typeof actual === 'string') known.set(expected, actual)
  if (typeof expected !== 'object' || expected === null || typeof actual !== 'object' || actual === null) return
  for (const [key, value] of Object.entries(expected)) remember(value, (actual as Record<string, unknown>)[key])
}

const filledIn = (text: string): string => text.replaceAll(/\b[A-Z]+_(ID|CURSOR)\b/g, (name) => known.get(name) ?? name)

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Values of another context have another Object and Array. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

const atServer = (address: string): string => address.replace('http://127.0.0.1:4000', server.url)

async function runCode({ text, person }: Block): Promise<void> {
  client.token = person && (await server.token(person))
  const code = stripTypeScriptTypes(filledIn(text))
  // a script's declarations stay for the scripts that follow; one that waits is a function of its own
  await runInContext(/^(?! ).*\bawait /m.test(code) ? `(async () => {\n${code}\n})()` : code, client)
}

/** A file of a client's project: its documents must be valid, and their pages be read as they say. */
async function checkDocuments(text: string): Promise<void> {
  for (const [, document = ''] of text.matchAll(/graphql\(`(.*?)`\)/gs)) {
    expect(validate(schema, parse(document))).toEqual([])
    const { body } = await post('member@acme.test', JSON.stringify({ query: document }))
    expect(body).not.toHaveProperty('errors')
  }
}
