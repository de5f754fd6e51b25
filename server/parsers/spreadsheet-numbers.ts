// A spreadsheet stores a date as the days since 1900 or 1904 and says only in the format of the cell that it is one.

import { type Attributes, attribute, readXml } from './xml.ts'

export type CellStyle = 'number' | 'date' | 'percent'

/** Formats that have a number instead of a text, for all languages. */
const isBuiltInDate = (id: number): boolean =>
  (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 47) || (id >= 50 && id <= 58)

/** The meaning of each style of cells. */
export async function stylesOf(bytes: Uint8Array | undefined): Promise<CellStyle[]> {
  const styles: CellStyle[] = []
  const formats = new Map<number, string>()
  if (!bytes) return styles
  await readXml(bytes, {
    open(name, attributes, outer) {
      const id = numberOf(attributes, 'numFmtId')
      if (name === 'numFmt') formats.set(id, attribute(attributes, 'formatCode') ?? '')
      else if (name === 'xf' && outer.at(-1) === 'cellXfs') styles.push(styleOf(id, formats.get(id)))
    },
  })
  return styles
}

const numberOf = (attributes: Attributes, name: string): number => Number(attribute(attributes, name) ?? 0)

function styleOf(id: number, format: string | undefined): CellStyle {
  if (format === undefined) return isBuiltInDate(id) ? 'date' : id === 9 || id === 10 ? 'percent' : 'number'
  // what is quoted, escaped, a colour or a filler is shown as it is; only the first section is for positive numbers
  const plain = format.replaceAll(/"[^"]*"|\\.|\[(?![hms]+\])[^\]]*\]|[_*]./gi, '').split(';', 1)[0] ?? ''
  if (/[dmyhs]/i.test(plain)) return 'date'
  return plain.includes('%') ? 'percent' : 'number'
}

/** Excel computes with 15 digits; what a fraction has beyond them is noise of the binary number. */
const digits = 15

export function numberText(stored: string, style: CellStyle, startsIn1904: boolean): string {
  const value = Number(stored)
  if (stored === '' || !Number.isFinite(value)) return stored
  if (style === 'date') return dateText(value, startsIn1904) ?? stored
  if (style === 'percent') return `${Number((value * 100).toPrecision(digits))}%`
  // a whole number stays as it is stored, be it an id of 20 digits
  return /^-?\d+$/.test(stored) ? stored : String(Number(value.toPrecision(digits)))
}

const dayMs = 86_400_000
/** 9999-12-31, the last day that Excel knows. */
const lastDay = 2_958_465

function dateText(days: number, startsIn1904: boolean): string | undefined {
  if (days < 0 || days > lastDay) return undefined
  // Excel believes that there was a 29 February 1900, which is its day 60
  const epoch = startsIn1904 ? Date.UTC(1904, 0, 1) : Date.UTC(1899, 11, days < 60 ? 31 : 30)
  const text = new Date(epoch + Math.round(days * 86_400) * 1000).toISOString()
  const [date = '', time = ''] = text.slice(0, 19).split('T')
  if (Number.isInteger(days)) return date
  // a time of day has no date
  return days * dayMs < dayMs ? time : `${date} ${time}`
}
