// XML, read as events. The parser knows no entities but XML's own five, and loads nothing, so no document can name a file
// or multiply itself. Names are without their prefix: programs choose prefixes as they like.

import { Parser } from 'htmlparser2'
import { declaredInMarkup, decode } from './decode.ts'
import { ParseError } from './error.ts'

export type Attributes = Readonly<Record<string, string>>
export type XmlHandler = {
  /** outer has the names of the elements around, the innermost last. */
  open?: (name: string, attributes: Attributes, outer: readonly string[]) => void
  text?: (text: string, outer: readonly string[]) => void
  close?: (name: string, outer: readonly string[]) => void
}

const deepest = 5_000

export async function readXml(bytes: Uint8Array, { open, text, close }: XmlHandler): Promise<void> {
  const { text: source } = await decode(bytes, { declared: declaredInMarkup(bytes) })
  const path: string[] = []
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        const element = localName(name)
        if (path.length >= deepest) throw new ParseError('unreadable', 'The file is nested too deeply to be read.')
        open?.(element, attributes, path)
        path.push(element)
      },
      ontext: (data) => text?.(data, path),
      onclosetag(name) {
        path.pop()
        close?.(localName(name), path)
      },
    },
    { xmlMode: true, decodeEntities: true },
  )
  parser.end(source)
}

const localName = (name: string): string => name.slice(name.indexOf(':') + 1)

/** An attribute by its name without prefix. */
export function attribute(attributes: Attributes, name: string): string | undefined {
  if (Object.hasOwn(attributes, name)) return attributes[name]
  return prefixed(attributes, name)
}

/** An attribute that has a prefix, such as r:id beside id. */
export function prefixed(attributes: Attributes, name: string): string | undefined {
  for (const [key, value] of Object.entries(attributes)) if (key.endsWith(`:${name}`)) return value
  return undefined
}

/** The text of the first element of each of these names, such as the title of a file's properties. */
export async function firstTexts<Name extends string>(
  bytes: Uint8Array | undefined,
  names: readonly Name[],
): Promise<Partial<Record<Name, string>>> {
  const found: Partial<Record<Name, string>> = {}
  if (!bytes) return found
  await readXml(bytes, {
    text: (text, outer) => {
      const name = names.find((wanted) => wanted === outer.at(-1))
      if (name) found[name] = `${found[name] ?? ''}${text}`.slice(0, 1000)
    },
  })
  return found
}
