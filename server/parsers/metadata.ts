// The metadata of a document, put together from what its parsers know.

/** What is assumed adds up; of other keys the first holds. */
export function mergeMetadata(...parts: Record<string, unknown>[]): Record<string, unknown> {
  const merged: Record<string, unknown> = Object.assign({}, ...parts.toReversed())
  const assumed = parts.flatMap((part) => (Array.isArray(part.assumed) ? part.assumed : []))
  return assumed.length > 0 ? { ...merged, assumed } : merged
}
