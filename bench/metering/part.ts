// What each part of the measurement hands over to the report: figures against what stands beside them, and a bar.

export type Measured = {
  name: string
  ours: string
  theirs: string
  ratio: number
  sign: '≤' | '≥'
  bar: number
}

export type Part = { title: string; how: string; measured: Measured[] }

export const isMet = ({ ratio, sign, bar }: Measured): boolean => (sign === '≤' ? ratio <= bar : ratio >= bar)

/** Without the first round, which warmed up (inTurn). */
export const medianOfRounds = (times: number[]): number => median(times.slice(1))

export const median = (values: number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
