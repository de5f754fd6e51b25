// Workspaces, projects and institutions as a client of the API uses them.

import { afterAll, beforeAll, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer(db.url)
})
afterAll(() => server?.close())

const ask = async (person: string, query: string, variables?: object) => {
  const { data, errors } = await server.ask(person, query, variables)
  expect(errors).toBeUndefined()
  return data
}
const codeOf = async (person: string, query: string, variables?: object) =>
  (await server.ask(person, query, variables)).errors?.[0]?.extensions.code

it('a workspace is created, shared, searched for, left and deleted', async () => {
  const { createWorkspace } = await ask(
    'member@acme.test',
    `mutation { createWorkspace(input: {name: "Lab", visibility: team}) { workspace { id myRole visibility createdByUser { fullName } } } }`,
  )
  const { id } = createWorkspace.workspace
  expect(createWorkspace.workspace).toMatchObject({
    myRole: 'owner',
    visibility: 'team',
    createdByUser: { fullName: 'member of acme' },
  })
  const seen = '{ workspaces { nodes { name myRole members { nodes { role } } } } myWorkspaces { nodes { name } } }'
  expect(await ask('viewer@acme.test', seen)).toEqual({
    workspaces: { nodes: [{ name: 'Lab', myRole: null, members: { nodes: [] } }] },
    myWorkspaces: { nodes: [] },
  })
  expect(await ask('owner@globex.test', seen)).toEqual({ workspaces: { nodes: [] }, myWorkspaces: { nodes: [] } })
  const variables = { id, user: db.acme.viewer.userId }
  const add = `mutation ($id: UUID!, $user: UUID!) { addWorkspaceMember(input: {workspaceId: $id, userId: $user, role: admin}) {
    member { role user { email } membership { status } workspace { name } } } }`
  expect((await ask('member@acme.test', add, variables)).addWorkspaceMember.member).toEqual({
    role: 'admin',
    user: { email: 'viewer@acme.test' },
    membership: { status: 'active' },
    workspace: { name: 'Lab' },
  })
  expect(await codeOf('member@acme.test', add, variables)).toBe('WS501')
  const rename = `mutation ($id: UUID!) { updateWorkspace(input: {id: $id, patch: {name: "Laboratory"}}) { workspace { name } } }`
  await ask('viewer@acme.test', rename, { id })
  const remove = `mutation ($id: UUID!) { deleteWorkspace(input: {id: $id}) { workspace { deletedAt } } }`
  expect(await codeOf('viewer@acme.test', remove, { id })).toBe('WS201')
  await ask(
    'viewer@acme.test',
    `mutation ($id: UUID!) { leaveWorkspace(input: {workspaceId: $id}) { member { role } } }`,
    { id },
  )
  await ask('member@acme.test', remove, { id })
  expect(await ask('viewer@acme.test', seen)).toEqual({ workspaces: { nodes: [] }, myWorkspaces: { nodes: [] } })
})

it('a project is created in a workspace, and its members are added, changed and removed', async () => {
  const { createWorkspace } = await ask(
    'member@acme.test',
    `mutation { createWorkspace(input: {name: "Moon", visibility: organization}) { workspace { id } } }`,
  )
  const { createProject } = await ask(
    'member@acme.test',
    `mutation ($id: UUID!) { createProject(input: {project: {name: "Apollo", key: "APO", workspaceId: $id}}) {
      project { id tenantId myRole status owner { email } workspace { name } } } }`,
    { id: createWorkspace.workspace.id },
  )
  const { id, tenantId, ...rest } = createProject.project
  expect(rest).toEqual({
    myRole: 'lead',
    status: 'planned',
    owner: { email: 'member@acme.test' },
    workspace: { name: 'Moon' },
  })
  const variables = { project: id, user: db.acme.viewer.userId }
  await ask(
    'member@acme.test',
    `mutation ($project: UUID!, $user: UUID!) { createProjectMember(input: {projectMember: {projectId: $project, userId: $user}}) { projectMember { role } } }`,
    { project: id, user: variables.user },
  )
  await ask(
    'member@acme.test',
    `mutation ($project: UUID!, $user: UUID!) { updateProjectMember(input: {projectId: $project, userId: $user, patch: {role: observer}}) { projectMember { role } } }`,
    variables,
  )
  expect(
    await ask('viewer@acme.test', '{ projects { nodes { myRole members { nodes { role user { email } } } } } }'),
  ).toEqual({
    projects: {
      nodes: [
        {
          myRole: 'observer',
          members: {
            nodes: expect.arrayContaining([
              { role: 'lead', user: { email: 'member@acme.test' } },
              { role: 'observer', user: { email: 'viewer@acme.test' } },
            ]),
          },
        },
      ],
    },
  })
  const leave = `mutation ($project: UUID!, $user: UUID!) { deleteProjectMember(input: {projectId: $project, userId: $user}) { projectMember { role } } }`
  await ask('viewer@acme.test', leave, variables)
  expect(await codeOf('viewer@acme.test', leave, { ...variables, user: db.acme.member.userId })).toBeDefined()
})

it('an institution is added, verified and named first', async () => {
  const { createInstitution } = await ask(
    'member@acme.test',
    `mutation { createInstitution(input: {institution: {name: "Charité", type: hospital, countryCode: "DE"}}) { institution { id isVerified } } }`,
  )
  const { id } = createInstitution.institution
  await ask(
    'admin@acme.test',
    `mutation ($id: UUID!) { verifyInstitution(input: {id: $id}) { institution { isVerified } } }`,
    { id },
  )
  await ask(
    'viewer@acme.test',
    `mutation ($id: UUID!) { createInstitutionMember(input: {institutionMember: {institutionId: $id, title: "Nurse"}}) { institutionMember { isPrimary } } }`,
    { id },
  )
  await ask(
    'viewer@acme.test',
    `mutation ($id: UUID!) { setPrimaryInstitution(input: {institutionId: $id}) { institutionMember { isPrimary } } }`,
    { id },
  )
  expect(
    await ask(
      'member@acme.test',
      '{ institutions { nodes { name isVerified members { nodes { title isPrimary user { email } } } } } }',
    ),
  ).toEqual({
    institutions: {
      nodes: [
        {
          name: 'Charité',
          isVerified: true,
          members: { nodes: [{ title: 'Nurse', isPrimary: true, user: { email: 'viewer@acme.test' } }] },
        },
      ],
    },
  })
})
