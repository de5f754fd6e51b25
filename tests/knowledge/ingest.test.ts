// Loading folders: nothing of a tree is lost, nothing meets something else under one key, and what was not loaded is said.

import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Actor } from '../../server/database.ts'
import { findOrCreateSource, type LoadReport, loadFiles } from '../../server/ingest.ts'
import { useDatabase } from '../helpers/index.ts'

const db = useDatabase()
let folder: string
let actor: Actor
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowhouse-ingest-'))
  actor = { user_id: db.acme.member.userId, tenant_id: db.acme.id, role: 'rowhouse_user' }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

type Tree = Record<string, string>

/** A folder of its own with these files. */
async function write(tree: Tree): Promise<string> {
  const root = await mkdtemp(join(folder, 'tree-'))
  for (const [path, content] of Object.entries(tree)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), content)
  }
  return root
}

const newSource = () => findOrCreateSource(db.pool, actor, `source ${crypto.randomUUID()}`)
const load = (source: string, paths: string[], prune = false): Promise<LoadReport> =>
  loadFiles(db.pool, actor, source, paths, { prune })
const keysOf = async (source: string): Promise<string[]> =>
  (
    await db.pool.query<{ external_id: string }>(
      'select external_id from app_public.documents where tenant_id = $1 and source_id = $2 order by external_id collate "C"',
      [db.acme.id, source],
    )
  ).rows.map(({ external_id }) => external_id)
const countsOf = ({ created, replaced, unchanged, refused, gone, deleted }: LoadReport) => ({
  ...{ created, replaced, unchanged, refused, gone, deleted },
})
const counts = (some: Partial<ReturnType<typeof countsOf>>) => ({
  ...{ created: 0, replaced: 0, unchanged: 0, refused: 0, gone: 0, deleted: 0 },
  ...some,
})

const sameNames = {
  'a/README.md': '# Alpha service\n\nAlpha uses port 1111.',
  'b/README.md': '# Beta service\n\nBeta uses port 2222.',
  'a/faq.jsonl': '{"text":"Alpha answer one"}',
  'b/faq.jsonl': '{"text":"Beta answer one"}',
}

describe('files of the same name', () => {
  it('are documents of their own, in one folder or as folders or files that are named together', async () => {
    const root = await write(sameNames)
    for (const paths of [
      [root],
      [join(root, 'a'), join(root, 'b')],
      Object.keys(sameNames).map((p) => join(root, p)),
    ]) {
      const source = await newSource()
      expect(countsOf(await load(source, paths))).toEqual(counts({ created: 4 }))
      const keys = await keysOf(source)
      expect(keys.filter((key) => !key.includes('#'))).toEqual(['a/README.md', 'b/README.md'])
      expect(countsOf(await load(source, [root]))).toEqual(counts({ unchanged: 4 }))
    }
  })

  it('are one document when one file is named twice', async () => {
    const root = await write(sameNames)
    const source = await newSource()
    expect(countsOf(await load(source, [root, join(root, 'a'), join(root, 'a/README.md')]))).toEqual(
      counts({ created: 4 }),
    )
  })

  it('hold rows of the same id', async () => {
    const root = await write({ 'a.jsonl': '{"id": 1, "text": "One."}', 'b.jsonl': '{"id": 1, "text": "Eins."}' })
    const source = await newSource()
    expect(countsOf(await load(source, [root]))).toEqual(counts({ created: 2 }))
    expect(await keysOf(source)).toEqual(['a.jsonl#1', 'b.jsonl#1'])
  })
})

it('a file that has the key of a row of another one is reported', async () => {
  const root = await write({ 'a.jsonl': '{"id": "1.md", "text": "row"}', 'a.jsonl#1.md': 'file' })
  const source = await newSource()
  const report = await load(source, [root])
  expect(countsOf(report)).toEqual(counts({ created: 1, refused: 1 }))
  expect(report.problems).toEqual([expect.stringContaining('a.jsonl#1.md: A file and a row')])
})

describe('rows', () => {
  it('without an id stay what they are when a row is inserted above them', async () => {
    const root = await write({ 'a.csv': 'text\none\ntwo\n', 'b.jsonl': '{"text": "one"}\n{"text": "two"}' })
    const source = await newSource()
    expect(countsOf(await load(source, [root]))).toEqual(counts({ created: 4 }))
    await writeFile(join(root, 'a.csv'), 'text\nzero\none\ntwo\n')
    await writeFile(join(root, 'b.jsonl'), '{"text": "zero"}\n{"text": "one"}\n{"text": "two"}')
    expect(countsOf(await load(source, [root]))).toEqual(counts({ created: 2, unchanged: 4 }))
  })

  it('with an id are replaced when they change', async () => {
    const root = await write({ 'a.jsonl': '{"id": "x", "text": "one"}\n{"id": "y", "text": "two"}' })
    const source = await newSource()
    await load(source, [root])
    await writeFile(join(root, 'a.jsonl'), '{"id": "y", "text": "two"}\n{"id": "x", "text": "changed"}')
    expect(countsOf(await load(source, [root]))).toEqual(counts({ replaced: 1, unchanged: 1 }))
  })

  it('that are there more than once are all kept', async () => {
    const root = await write({
      'a.jsonl': [
        '{"text": "same"}',
        '{"text": "same"}',
        '{"id": 7, "text": "a"}',
        '{"id": 7, "text": "b"}',
        JSON.stringify({ id: 'ä'.normalize('NFC'), text: 'd' }),
        JSON.stringify({ id: 'ä'.normalize('NFD'), text: 'e' }),
        '{"id": "7#2", "text": "c"}',
      ].join('\n'),
    })
    const source = await newSource()
    expect(countsOf(await load(source, [root]))).toEqual(counts({ created: 7 }))
    expect(countsOf(await load(source, [root]))).toEqual(counts({ unchanged: 7 }))
  })

  it('that are equal by the ten thousands are keyed in time', async () => {
    const root = await write({ 'a.jsonl': '{"id": 1, "text": "same"}\n'.repeat(2_000) })
    const source = await newSource()
    expect(countsOf(await load(source, [root]))).toEqual(counts({ created: 2_000 }))
  })
})

describe('what is no longer there', () => {
  it('is noticed, and deleted only on request', async () => {
    const root = await write({ ...sameNames, 'c.jsonl': '{"id": 1, "text": "one"}\n{"id": 2, "text": "two"}' })
    const source = await newSource()
    await load(source, [root])
    await rename(join(root, 'a/README.md'), join(root, 'a/ABOUT.md'))
    await writeFile(join(root, 'c.jsonl'), '{"id": 2, "text": "two"}')
    expect(countsOf(await load(source, [root]))).toEqual(counts({ created: 1, unchanged: 4, gone: 2 }))
    expect(countsOf(await load(source, [root], true))).toEqual(counts({ unchanged: 5, gone: 2, deleted: 2 }))
    const keys = await keysOf(source)
    expect(keys).toHaveLength(5)
    expect(keys).toEqual(expect.arrayContaining(['a/ABOUT.md', 'b/README.md', 'c.jsonl#2']))
    expect(countsOf(await load(source, [root], true))).toEqual(counts({ unchanged: 5 }))
  })

  it('is not what could not be read: a broken file, a bad row, a folder, a path that is missing', async () => {
    const root = await write({
      'a.md': 'A.',
      'sub/b.md': 'B.',
      'c.jsonl': '{"id": 1, "text": "one"}',
      'd.json': '[{"text": "d"}]',
    })
    const source = await newSource()
    expect(countsOf(await load(source, [root], true))).toEqual(counts({ created: 4 }))
    await writeFile(join(root, 'a.md'), '')
    await writeFile(join(root, 'c.jsonl'), 'cut off')
    await writeFile(join(root, 'd.json'), '[{"text": ')
    expect(countsOf(await load(source, [root], true))).toEqual(counts({ unchanged: 1, refused: 3 }))
    await rm(join(root, 'sub'), { recursive: true })
    expect(countsOf(await load(source, [root, join(root, 'sub')], true))).toEqual(counts({ refused: 4 }))
    expect(await keysOf(source)).toHaveLength(4)
    expect(countsOf(await load(source, [root], true))).toEqual(counts({ refused: 3, gone: 1, deleted: 1 }))
  })

  it('is not everything because a folder is empty', async () => {
    const root = await write({ 'a.md': 'A.' })
    const source = await newSource()
    await load(source, [root])
    await rm(join(root, 'a.md'))
    const report = await load(source, [root], true)
    expect(countsOf(report)).toEqual(counts({ refused: 1, gone: 1 }))
    expect(report.problems[0]).toContain('--prune')
  })

  it('is not what stands in a folder that may not be read', async (context) => {
    if (process.getuid?.() === 0) context.skip('root may read every folder')
    const root = await write({ 'a.md': 'A.', 'sub/b.md': 'B.' })
    const source = await newSource()
    await load(source, [root])
    await chmod(join(root, 'sub'), 0)
    expect(countsOf(await load(source, [root], true))).toEqual(counts({ unchanged: 1, refused: 1 }))
    await chmod(join(root, 'sub'), 0o755)
  })
})

describe('a name', () => {
  it('that is not UTF-8 is reported so that it can be told from another', async () => {
    const root = await write({ 'a.md': 'A.' })
    for (const byte of [0xe9, 0xe8]) {
      const path = Buffer.from(`${root}/caf?.txt`)
      path[path.indexOf('?')] = byte
      await writeFile(path, 'text')
    }
    const report = await load(await newSource(), [root])
    expect(countsOf(report)).toEqual(counts({ created: 1, refused: 2 }))
    expect(report.problems).toEqual([
      'caf\\xE8.txt: Its name is not UTF-8. Rename it.',
      'caf\\xE9.txt: Its name is not UTF-8. Rename it.',
    ])
  })

  it('is the same in both Unicode forms, and two such files are reported', async () => {
    const nfc = await write({ ['Größe.md'.normalize('NFC')]: 'A.' })
    const nfd = await write({ ['Größe.md'.normalize('NFD')]: 'A.' })
    const source = await newSource()
    expect(countsOf(await load(source, [nfc]))).toEqual(counts({ created: 1 }))
    expect((await load(source, [nfd])).created).toBe(0)
    const both = await write({ ['Größe.md'.normalize('NFC')]: 'A.', ['Größe.md'.normalize('NFD')]: 'B.' })
    const report = await load(await newSource(), [both])
    expect(countsOf(report)).toEqual(counts({ created: 1, refused: 1 }))
    expect(report.problems[0]).toContain('two Unicode forms')
  })

  it('of a symbolic link is reported, a link that is named is followed, and a link in a circle ends', async () => {
    const root = await write({ 'a.md': 'A.' })
    await symlink(join(root, 'a.md'), join(root, 'link.md'))
    await symlink(root, join(root, 'circle'))
    await symlink(join(root, 'nowhere'), join(root, 'dangling.md'))
    const report = await load(await newSource(), [root])
    expect(countsOf(report)).toEqual(counts({ created: 1, refused: 3 }))
    expect(report.problems.map((problem) => problem.split(':')[0])).toEqual(['circle', 'dangling.md', 'link.md'])
    expect(countsOf(await load(await newSource(), [join(root, 'link.md')]))).toEqual(counts({ created: 1 }))
  })

  it('that begins with a dot is left out', async () => {
    const root = await write({ '.git/a.md': 'A.', 'b/.c.md': 'B.', 'd.md': 'D.' })
    const source = await newSource()
    expect(countsOf(await load(source, [root]))).toEqual(counts({ created: 1 }))
  })
})

describe('any folder tree', () => {
  const name = fc.constantFrom('a', 'b', 'ä', 'read me', 'x#1', '1', 'naïve'.normalize('NFD'))
  const row = fc.record(
    {
      id: fc.constantFrom('1', '2', 'x#2', 1),
      text: fc.constantFrom('one', 'two', 'three'),
      note: fc.constantFrom('n'),
    },
    { requiredKeys: ['text'] },
  )
  const rows = fc.array(row, { minLength: 1, maxLength: 5 })
  const file = fc.oneof(
    fc.constantFrom('One.', 'Two.').map((content) => ({ ending: 'md', content, documents: 1 })),
    rows.map((all) => ({
      ending: 'jsonl',
      content: all.map((r) => JSON.stringify(r)).join('\n'),
      documents: all.length,
    })),
    rows.map((all) => ({ ending: 'json', content: JSON.stringify(all), documents: all.length })),
    rows.map((all) => ({
      ending: 'csv',
      content: ['text', ...all.map(({ text }) => text)].join('\n'),
      documents: all.length,
    })),
  )
  const tree = fc.uniqueArray(fc.tuple(fc.array(name, { minLength: 1, maxLength: 3 }), file), {
    selector: ([path, { ending }]) => `${path.join('/')}.${ending}`,
    minLength: 1,
    maxLength: 8,
  })

  it('has as many documents as files and rows, and a second load changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (files) => {
        // a folder may not have the name of a file, so files have an ending and folders have none
        const root = await write(
          Object.fromEntries(files.map(([path, { ending, content }]) => [`${path.join('/')}.${ending}`, content])),
        )
        const total = files.reduce((sum, [, { documents }]) => sum + documents, 0)
        const source = await newSource()
        expect(countsOf(await load(source, [root]))).toEqual(counts({ created: total }))
        expect(await keysOf(source)).toHaveLength(total)
        expect(countsOf(await load(source, [root], true))).toEqual(counts({ unchanged: total }))
      }),
      { numRuns: 15, seed: 18 },
    )
  })
})
