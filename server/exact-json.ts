// JSON whose numbers keep every digit. A JavaScript number has about 16 digits, so an id such as 1146213870912942081 came
// out as another one. A number that JavaScript would write otherwise than it was read (a long one, 1.10, 1e400, -0) is
// therefore kept as its text, in the form that JSON.stringify writes verbatim.

/** What JSON.rawJSON makes: the text of a number. */
export type RawNumber = { readonly rawJSON: string }

// the proposal "JSON.parse source text access": V8 has it, TypeScript's libraries do not
declare global {
  interface JSON {
    parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown
    rawJSON(text: string): RawNumber
    isRawJSON(value: unknown): value is RawNumber
  }
}

/** Whether the text may have such a number. A text without one, which is nearly every text, is read three times as fast. */
const mayNeedDigits = /\d[\d.]{15}|\.\d*0(?!\d)|\d[eE]|-0(?!\.)|0\.0{5}/

const deepest = (error: unknown): boolean => error instanceof RangeError && /call stack/.test(error.message)

/** Throws a SyntaxError as JSON.parse does. */
export function parseExactly(text: string): unknown {
  if (!mayNeedDigits.test(text)) return JSON.parse(text)
  try {
    return JSON.parse(text, (_key, value, { source }) => (typeof value === 'number' ? exact(value, source) : value))
  } catch (error) {
    // thousands of levels, which every caller refuses; the plain parser reads them without recursion
    if (deepest(error)) return JSON.parse(text)
    throw error
  }
}

/** The number with this text, which must be JSON's. */
export const exactNumber = (source: string): number | RawNumber => exact(Number(source), source)

const exact = (value: number, source: string | undefined): number | RawNumber =>
  source === undefined || String(value) === source ? value : JSON.rawJSON(source)

export const isNumber = (value: unknown): value is number | RawNumber =>
  typeof value === 'number' || JSON.isRawJSON(value)

/** A number as it was written. */
export const digitsOf = (value: number | RawNumber): string =>
  typeof value === 'number' ? String(value) : value.rawJSON
