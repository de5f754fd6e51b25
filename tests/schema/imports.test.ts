// No file imports itself by way of others. A type that two files need stands in a file of its own.

import { glob, readFile } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '../helpers/processes.ts'

type Imports = Map<string, string[]>

/** Each TypeScript file of the project with the files that it names, also where only a type is taken or loaded late. */
async function readImports(): Promise<Imports> {
  const imports: Imports = new Map()
  for (const folder of ['*.ts', '{bench,scripts,server,tasks,tests}/**/*.ts']) {
    for await (const file of glob(folder, { cwd: root })) imports.set(file, importedBy(file, await read(file)))
  }
  return imports
}

const read = (file: string): Promise<string> => readFile(join(root, file), 'utf8')

const importedBy = (file: string, text: string): string[] =>
  [...text.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, path]) =>
    normalize(join(dirname(file), path as string)),
  )

/** Circles of imports, each as the way from a file back to itself; those that share a file may count as one. */
function findCircles(imports: Imports): string[][] {
  const circles: string[][] = []
  const done = new Set<string>()
  const visit = (file: string, way: string[]): void => {
    if (way.includes(file)) circles.push([...way.slice(way.indexOf(file)), file])
    if (done.has(file) || way.includes(file)) return
    for (const imported of imports.get(file) ?? []) visit(imported, [...way, file])
    done.add(file)
  }
  for (const file of imports.keys()) visit(file, [])
  return circles
}

describe('imports', () => {
  it('name files that exist', async () => {
    const imports = await readImports()
    const missing = [...imports].flatMap(([file, all]) =>
      all.filter((path) => !imports.has(path)).map((path) => `${file} imports ${path}`),
    )
    expect(missing).toEqual([])
  })

  it('go in no circle', async () => {
    const imports = await readImports()
    expect(imports.size).toBeGreaterThan(200)
    expect(findCircles(imports).map((circle) => circle.join(' -> '))).toEqual([])
  })

  it('of three files in a circle are found, whoever comes first', () => {
    const circle: Imports = new Map([
      ['entry', ['a', 'shared']],
      ['a', ['shared', 'b']],
      ['b', ['c']],
      ['c', ['a']],
      ['shared', []],
    ])
    expect(findCircles(circle)).toEqual([['a', 'b', 'c', 'a']])
  })
})
