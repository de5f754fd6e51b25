// Takes secrets out of what others said, before it is stored or logged: an endpoint may repeat what it was sent.

const shortest = 4
const replacement = '[secret]'

export type Redact = <Value>(value: Value) => Value

/** Replaces each secret, as it is and in the forms it is sent in, in all texts of a JSON value. */
export function redactor(secrets: readonly string[]): Redact {
  const forms = secrets
    .filter((secret) => secret.length >= shortest)
    .flatMap((secret) => [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')])
    // a longer form may contain a shorter one
    .sort((one, other) => other.length - one.length)
  const clean = (text: string): string => forms.reduce((rest, form) => rest.replaceAll(form, replacement), text)
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return clean(value)
    if (Array.isArray(value)) return value.map(walk)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [clean(key), walk(inner)]))
  }
  return (value) => (forms.length === 0 ? value : (walk(value) as typeof value))
}
