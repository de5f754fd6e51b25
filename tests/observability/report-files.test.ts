// The files that are made of a result: exact, and harmless in a spreadsheet or a browser.

import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { strFromU8, unzipSync } from 'fflate'
import { Parser } from 'htmlparser2'
import { describe, expect, it } from 'vitest'
import { chartOf } from '../../server/reports/chart.ts'
import { csvOf, type Format, fileOf } from '../../server/reports/files.ts'
import type { Column, Result } from '../../server/reports/run.ts'

const at = new Date('2026-11-29T10:00:00Z')
const columnsOf = (...kinds: Column['kind'][]): Column[] => kinds.map((kind, i) => ({ name: `c${i}`, kind }))
const make = async (result: Result, format: Format, name = 'A report'): Promise<Buffer> =>
  (await fileOf({ ...result, name, at }, format))?.content as Buffer
const partsOf = (workbook: Buffer): Record<string, string> =>
  Object.fromEntries(Object.entries(unzipSync(workbook)).map(([path, bytes]) => [path, strFromU8(bytes)]))

/** The elements and texts of XML. */
function read(xml: string): { names: Set<string>; attributes: Set<string>; texts: string[] } {
  const found = { names: new Set<string>(), attributes: new Set<string>(), texts: [] as string[] }
  const parser = new Parser(
    {
      onopentag: (name, attributes) => {
        found.names.add(name)
        for (const attribute of Object.keys(attributes)) found.attributes.add(attribute)
        if (name === 'text' || name === 't') found.texts.push('')
      },
      ontext: (text) => {
        if (found.texts.length > 0) found.texts.push(`${found.texts.pop()}${text}`)
      },
    },
    { xmlMode: true },
  )
  parser.end(xml)
  return found
}
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    '=1+1',
    '+1',
    '-1',
    '@SUM(1)',
    '\t=1',
    '\r\n=1',
    ' =1',
    '＝1',
    '"',
    'a,b',
    'a\nb',
    '<script>',
    '\u0001',
    '\ud800',
  ),
)

describe('CSV', () => {
  it('is read back as it was, but for the mark before what a spreadsheet would compute', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyText, anyText), { minLength: 1, maxLength: 5 }), (rows) => {
        const written = csvOf({ columns: columnsOf('text', 'text'), rows }).toWellFormed()
        const read = parse(written, {
          recordDelimiter: '\r\n',
        }) as string[][]
        expect(read.slice(1).map((row) => row.map((value) => value.replace(/^'/, '')))).toEqual(
          rows.map((row) => row.map((value) => value.toWellFormed().replace(/^'/, ''))),
        )
        for (const value of read.flat()) expect(value).not.toMatch(/^[\s\p{Cc}]*[=+\-@＝＋－＠]/u)
      }),
      { seed: 16 },
    )
  })

  it('has numbers with all their digits and their sign, and nothing for null', () => {
    const rows = [
      ['-12345678901234567890.123456789', null, '-1', 'NaN'],
      ['1e+300', '', '-1', '-Infinity'],
    ]
    expect(csvOf({ columns: columnsOf('number', 'text', 'text', 'number'), rows })).toBe(
      `c0,c1,c2,c3\r\n-12345678901234567890.123456789,,'-1,NaN\r\n1e+300,,'-1,'-Infinity\r\n`,
    )
  })

  it('defends the names of columns as well', () => {
    expect(csvOf({ columns: [{ name: '=cmd()', kind: 'number' }], rows: [['1']] })).toBe(`'=cmd()\r\n1\r\n`)
  })
})

describe('a workbook', () => {
  it('has numbers that are exact, and those that a double cannot hold as texts', async () => {
    const exact = ['1', '-1.50', '0.1', '123456789012345', '1e+300', '0.30000000000000004', '0']
    const texts = ['9007199254740993', '12345678901234567890.123456789', 'NaN', 'Infinity', '0.1000000000000000000001']
    const rows = [...exact, ...texts].map((value) => [value])
    const parts = partsOf(await make({ columns: columnsOf('number'), rows }, 'xlsx'))
    const cells = [...(parts['xl/worksheets/sheet1.xml'] ?? '').matchAll(/<c r="A\d+"( t="s")?><v>([^<]*)<\/v>/g)]
    expect(cells.filter(([, isText]) => !isText).map(([, , value]) => Number(value))).toEqual(exact.map(Number))
    expect(read(parts['xl/sharedStrings.xml'] ?? '').texts.slice(1)).toEqual(texts)
  })

  it('has no formula, and texts that XML can have', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyText, { minLength: 1, maxLength: 5 }), async (values) => {
        const parts = partsOf(await make({ columns: columnsOf('text'), rows: values.map((value) => [value]) }, 'xlsx'))
        for (const part of Object.values(parts)) {
          expect(part).not.toContain('<f>')
          // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
          expect(part).not.toMatch(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&(?!amp;|lt;|gt;|quot;|#)/)
        }
      }),
      { seed: 16, numRuns: 30 },
    )
  })

  it('has truth values and nothing for null, and cuts what is longer than a cell', async () => {
    const rows = [
      ['true', null],
      ['false', 'x'.repeat(40_000)],
    ]
    const parts = partsOf(await make({ columns: columnsOf('boolean', 'text'), rows }, 'xlsx'))
    expect(parts['xl/worksheets/sheet1.xml']).toMatch(/<c r="A2" t="b"><v>1<\/v><\/c><\/row>/)
    expect(Math.max(...read(parts['xl/sharedStrings.xml'] ?? '').texts.map(({ length }) => length))).toBe(32_767)
  })
})

describe('a chart', () => {
  const days = (...values: (string | null)[]): Result => ({
    columns: [
      { name: 'day', kind: 'date' },
      { name: 'cost', kind: 'number' },
    ],
    rows: values.map((value, i) => [`2026-11-0${i + 1}`, value]),
  })

  it('is a line over days, and bars over everything else', () => {
    expect(chartOf({ ...days('1', '3', '2'), name: 'Cost' })).toMatch(
      /<polyline [^>]*points="196\.7,233\.3 430\.0,60\.0 663\.3,146\.7"/,
    )
    const bars = chartOf({ ...days('1', '-3'), columns: columnsOf('text', 'number'), name: 'Cost' }) ?? ''
    expect(
      [...bars.matchAll(/<rect x="[^"]*" y="([^"]*)" width="[^"]*" height="([^"]*)"/g)].map(([, y, height]) => [
        y,
        height,
      ]),
    ).toEqual([
      ['60.0', '65.0'],
      ['125.0', '195.0'],
    ])
  })

  it('is of one dimension, one to five numbers and 2 to 200 rows', () => {
    const rows = (count: number, width: number) => Array.from({ length: count }, () => Array(width).fill('1'))
    const drawn = (kinds: Column['kind'][], count = 2) =>
      chartOf({ columns: columnsOf(...kinds), rows: rows(count, kinds.length), name: 'x' }) !== undefined
    expect([
      drawn(['date', 'number']),
      drawn(['text', ...Array<'number'>(5).fill('number')]),
      drawn(['text', 'number'], 200),
    ]).toEqual([true, true, true])
    expect([
      drawn([]),
      drawn(['date']),
      drawn(['number', 'number']),
      drawn(['date', 'text', 'number']),
      drawn(['text', ...Array<'number'>(6).fill('number')]),
      drawn(['date', 'number'], 1),
      drawn(['text', 'number'], 201),
    ]).toEqual(Array(7).fill(false))
  })

  it('draws what is missing or is no number as zero, and numbers of any size', () => {
    for (const values of [
      [null, null],
      ['NaN', 'Infinity'],
      ['1e308', '-1e308'],
      ['0', '0'],
      ['1e-300', '2e-300'],
    ] as const)
      expect(chartOf({ ...days(...values), name: 'x' })).not.toMatch(/NaN|Infinity/)
  })

  it('has no element and no attribute of the data, whatever its texts are', () => {
    const evil = fc.oneof(
      anyText,
      fc.constantFrom('</text><script>alert(1)</script>', '" onload="x', '&lt;', ']]>', '<!--', '<?xml?>'),
    )
    fc.assert(
      fc.property(evil, evil, fc.array(evil, { minLength: 2, maxLength: 4 }), (name, column, labels) => {
        const columns: Column[] = [
          { name: 'x', kind: 'text' },
          { name: column, kind: 'number' },
        ]
        const svg = read(chartOf({ name, columns, rows: labels.map((label) => [label, '1']) }) ?? '')
        expect([...svg.names].sort()).toEqual(['line', 'rect', 'svg', 'text'])
        expect([...svg.attributes].filter((attribute) => attribute.startsWith('on') || /href/.test(attribute))).toEqual(
          [],
        )
      }),
      { seed: 16 },
    )
  })
})

it('a file has a name that every system can have', async () => {
  for (const [name, expected] of [
    ['../../etc/passwd', 'etc-passwd-2026-11-29.csv'],
    ['Köstenübersicht 2026 — "x"', 'Köstenübersicht-2026-x-2026-11-29.csv'],
    ['///', 'report-2026-11-29.csv'],
  ] as const)
    expect((await fileOf({ columns: [], rows: [], name, at }, 'csv'))?.file_name).toBe(expected)
})
