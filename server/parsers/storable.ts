// PostgreSQL stores neither NUL nor half a surrogate pair. Fonts without a character map and escapes in JSON give both.

export const storable = (text: string): string => text.replaceAll('\0', '').toWellFormed()

/** A value for JSON whose texts and keys PostgreSQL can store. */
export function storableValue(value: unknown): unknown {
  if (typeof value === 'string') return storable(value)
  if (typeof value !== 'object' || value === null || JSON.isRawJSON(value)) return value
  if (Array.isArray(value)) return value.map(storableValue)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [storable(key), storableValue(inner)]))
}
