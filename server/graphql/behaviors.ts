// Building the schema asks tens of thousands of times whether an entity has a behavior. Each time graphile-build compares
// the question with every registered behavior, only to warn of an unknown one, and parses the whole string of the entity.
// The answer depends on that string and the question alone, so it is kept while the schema is built.

import 'postgraphile'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      BehaviorsPlugin: true
    }
  }
}

type Behavior = {
  entityMatches: (kind: string, entity: unknown, question: string) => boolean | undefined
  getBehaviorForEntity: (kind: string, entity: unknown) => { behaviorString: string }
}

export const BehaviorsPlugin: GraphileConfig.Plugin = {
  name: 'BehaviorsPlugin',
  version: '1.0.0',
  description: 'Remembers what was asked of behaviors already',
  schema: {
    hooks: {
      init(nothing, build) {
        // the object itself is frozen, and its class is not exported
        rememberAnswers(Object.getPrototypeOf(build.behavior))
        return nothing
      },
    },
  },
}

const remembering = new WeakSet<Behavior>()

function rememberAnswers(prototype: Behavior): void {
  if (remembering.has(prototype)) return
  remembering.add(prototype)
  const ask = prototype.entityMatches
  const answersOf = new WeakMap<Behavior, Map<string, boolean | undefined>>()
  prototype.entityMatches = function (kind, entity, question) {
    const answers = answersOf.get(this) ?? new Map<string, boolean | undefined>()
    answersOf.set(this, answers)
    const key = `${kind} ${question} ${this.getBehaviorForEntity(kind, entity).behaviorString}`
    if (!answers.has(key)) answers.set(key, ask.call(this, kind, entity, question))
    return answers.get(key)
  }
}
