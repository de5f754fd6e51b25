// What every installation starts with, read from seeds/platform: models, and the platform tenant's tools, prompts,
// knowledge sources, agents and workflows. It can be done again and again; it only fills gaps.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'

const directory = join(import.meta.dirname, '..', 'seeds', 'platform')

/** In the order in which they refer to each other. */
const kinds = [
  { kind: 'tool', file: 'tools.json' },
  { kind: 'prompt', file: 'prompts.json' },
  { kind: 'knowledge_source', file: 'knowledge_sources.json' },
  { kind: 'agent', file: 'agents.json' },
  { kind: 'workflow', file: 'workflows.json' },
]

export async function seedPlatform(databaseUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl })
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query('begin')
    const add = async (text: string, values: unknown[]): Promise<number> =>
      (await client.query<{ added: number }>(text, values)).rows[0]?.added ?? 0
    const models = await read('models.json')
    let added = await add('select catalog.add_platform_models($1) as added', [models])
    added += await add('select metering.add_model_prices($1) as added', [models])
    for (const { kind, file } of kinds)
      added += await add('select catalog.add_platform_resources($1, $2) as added', [kind, await read(file)])
    await client.query('commit')
    return added
  } finally {
    await client.end()
  }
}

const read = (file: string): Promise<string> => readFile(join(directory, file), 'utf8')
