// CSV as programs write it: whatever the separator, the quotes and the line ends, every value arrives.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { csvObjects, csvTable, parseCsv } from '../../server/parsers/csv.ts'
import { ParseError } from '../../server/parsers/error.ts'

function refusal(source: string, separator?: string): ParseError {
  try {
    csvTable(source, separator)
  } catch (error) {
    expect(error).toBeInstanceOf(ParseError)
    return error as ParseError
  }
  throw new Error('It was not refused.')
}

const quoted = (value: string, separator: string, always: boolean): string =>
  always || /["\r\n]/.test(value) || value.includes(separator) || value !== value.trim() || value === ''
    ? `"${value.replaceAll('"', '""')}"`
    : value
const file = (rows: string[][], separator: string, end: string, always = false): string =>
  rows.map((row) => row.map((value) => quoted(value, separator, always)).join(separator) + end).join('')

describe('the separator', () => {
  it.each([
    [';', 'a;b\n1,50;2,75\n3,00;4,25\n'],
    ['\t', 'a\tb\nx, y\tz; w\n'],
    ['|', 'a|b\n1|2\n'],
    [',', 'a,b\nx;y;z,2\n'],
    [';', 'Name, Vorname;Preis\nMüller, Anna;12,50\n'],
    [';', '"a, b, c";d\n1;2\n'],
    [';', 'a;b\n"x\n;,\ny";2\n'],
    [';', 'a;b;c\n1;2\n1;2;3\n'],
  ])('%j is found in %j', (separator, source) => {
    expect(csvTable(source)).toMatchObject({ separator, isAssumed: separator !== ',' })
  })

  it('is what a first line says, as Excel writes it', () => {
    expect(csvTable('sep=;\r\na,b;c\r\n1,2;3\r\n')).toMatchObject({
      columns: ['a,b', 'c'],
      rows: [['1,2', '3']],
      isAssumed: false,
    })
    expect(csvTable('\uFEFF"sep=|"\na|b\n')).toMatchObject({ columns: ['a', 'b'] })
  })

  it('is what the caller says', () => {
    expect(csvTable('a:b\n1:2\n', ':')).toMatchObject({ rows: [['1', '2']], isAssumed: false })
  })

  it('is none in a file of one column', () => {
    expect(csvTable('text\nHello, world; again\n').rows).toEqual([['Hello, world; again']])
  })

  it('is told in the metadata unless it is a comma', () => {
    expect(parseCsv('a;b\n1;2\n').metadata).toEqual({ rowCount: 1, separator: ';', assumed: ['separator'] })
    expect(parseCsv('a\tb\n1\t2\n', '\t').metadata).toEqual({ rowCount: 1, separator: 'tab' })
    expect(parseCsv('a,b\n1,2\n').metadata).toEqual({ rowCount: 1 })
  })
})

describe('columns', () => {
  it('of one name keep the values of each', () => {
    expect(csvObjects(csvTable('id,a,a,a (2),\n1,2,3,4,5\n'))).toEqual([
      { id: '1', a: '2', 'a (3)': '3', 'a (2)': '4', 'column 5': '5' },
    ])
  })

  it('that a row lacks are empty, and separators behind the last value are nothing', () => {
    expect(csvTable('a;b\n1\n1;2;;;\n').rows).toEqual([['1'], ['1', '2']])
  })

  it('without rows are the text', () => {
    expect(parseCsv('name,city\n').text).toBe('name\ncity')
  })
})

describe('what cannot be read is refused with its line and the separator', () => {
  it.each([
    ['a,b\n1,2\n1,2,3\n', 'line 3', '","'],
    ['sep=;\na;b\n1;2;3\n', 'line 3', '";"'],
    ['a\tb\n"x\ny"\t2\n1\t2\t3\n', 'line 4', 'a tab'],
    ['a;b\n"1;2\n', 'line', '";"'],
    ['a;b\nx "y"";2\nx"y";2\n', 'line', '";"'],
  ])('%j', (source, line, separator) => {
    const { code, message } = refusal(source)
    expect(code).toBe('bad_csv')
    expect(message).toContain(line)
    expect(message).toContain(separator)
  })
})

describe('whatever stands in the cells', () => {
  const cell = fc.string({ unit: fc.constantFrom(...'ab ,;|\t"\n\'=äß世😀'), maxLength: 12 })
  const table = fc.integer({ min: 2, max: 6 }).chain((width) => {
    const name = fc.stringMatching(/^[a-zäöü]{1,8}$/)
    return fc.record({
      header: fc.uniqueArray(name, { minLength: width, maxLength: width }),
      rows: fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 8 }),
      separator: fc.constantFrom(',', ';', '\t', '|'),
      end: fc.constantFrom('\n', '\r\n'),
      always: fc.boolean(),
    })
  })

  it('arrives as it was, with any separator, found or told', () => {
    fc.assert(
      fc.property(table, fc.boolean(), ({ header, rows, separator, end, always }, isTold) => {
        const read = csvTable(file([header, ...rows], separator, end, always), isTold ? separator : undefined)
        expect(read.columns).toEqual(header)
        expect(read.rows).toEqual(rows)
      }),
      { numRuns: 500, seed: 13 },
    )
  })

  it('damaged anywhere, is refused with a line or read', () => {
    fc.assert(
      fc.property(table, fc.nat(), ({ header, rows, separator, end }, at) => {
        const source = file([header, ...rows], separator, end)
        const cut = source.slice(0, at % source.length)
        try {
          csvTable(cut)
        } catch (error) {
          expect(error).toBeInstanceOf(ParseError)
          expect((error as ParseError).message).toMatch(/line \d+/)
        }
      }),
      { numRuns: 300, seed: 13 },
    )
  })
})
