comment on type app_public.workspace_visibility is
  'Who of the tenant sees a workspace; nobody outside of it ever does. private: its members and the tenant''s owners. team: everyone sees that it is there, only members what is in it. organization: everyone reads it, as a viewer does. public: as organization, and everyone can join by themselves (join_workspace).';
comment on type app_public.member_role is
  'What a member of a workspace may do, each what the earlier ones may: viewer reads; contributor adds things and changes them; moderator also manages members below their own role, as all above do; admin edits and archives the workspace; owner manages everyone, deletes and transfers it. The tenant''s owners count as owners of every workspace.';

comment on table app_public.workspaces is
  E'@behavior -insert -delete\nA room of this tenant for people who work together. Made by create_workspace; its admins edit it. Deleted ones are seen by those who may restore them.';
comment on column app_public.workspaces.name is 'Name, unique among the tenant''s workspaces that are not deleted, also those you cannot see; at most 255 characters.';
comment on column app_public.workspaces.description is 'What it is for, at most 10,000 characters.';
comment on column app_public.workspaces.icon is 'Name of an icon, at most 255 characters.';
comment on column app_public.workspaces.visibility is 'private, team, organization or public: see the type.';
comment on column app_public.workspaces.settings is 'Settings of front ends, an object.';
comment on column app_public.workspaces.created_by_user_id is 'Who created it; null when that person is gone.';
comment on column app_public.workspaces.archived_at is 'When it became read-only (archive_workspace), null when it is not.';
comment on column app_public.workspaces.created_at is 'When it was created.';
comment on column app_public.workspaces.updated_at is 'When it last changed.';
comment on column app_public.workspaces.deleted_at is 'When it was deleted, null when it is not.';

comment on table app_public.workspace_members is
  E'@behavior -insert -update -delete\nWho belongs to a workspace, and in which role; seen by those who read the workspace. Counts only while the person is an active member of the tenant. Written by add_workspace_member, change_workspace_member, remove_workspace_member, join_workspace, leave_workspace and transfer_workspace.';
comment on column app_public.workspace_members.workspace_id is 'The workspace.';
comment on column app_public.workspace_members.role is 'viewer, contributor, moderator, admin or owner.';
comment on column app_public.workspace_members.created_at is 'When the person became a member.';
comment on column app_public.workspace_members.updated_at is 'When the membership last changed.';
comment on constraint workspace_members_tenant_id_workspace_id_fkey on app_public.workspace_members is
  E'@fieldName workspace\n@foreignFieldName members';
comment on constraint workspace_members_tenant_id_user_id_fkey on app_public.workspace_members is
  E'@fieldName membership\n@foreignFieldName workspaceMemberships';
comment on constraint workspace_members_user_id_fkey on app_public.workspace_members is
  E'@fieldName user\n@foreignFieldName workspaceMemberships';

comment on table app_public.projects is
  E'@behavior -insert -delete\nWork with a goal, that cost can be attributed to. Made by create_project; leads and the tenant''s admins edit it. Seen by everyone who reads the workspace it is in (without one, by the whole tenant), by its members, and by the tenant''s owners.';
comment on column app_public.projects.workspace_id is 'The workspace it is in, null when it is in none; changed by move_project.';
comment on column app_public.projects.name is 'Name, at most 255 characters.';
comment on column app_public.projects.key is 'Short code for lists and cost reports: 2 to 10 upper-case letters and digits, a letter first; unique among the tenant''s projects that are not deleted.';
comment on column app_public.projects.description is 'What it is about, at most 10,000 characters.';
comment on column app_public.projects.status is 'planned, active, on_hold, completed or archived.';
comment on column app_public.projects.is_private is 'Whether only its members and the tenant''s owners see it. Who would lose sight of it cannot set this (42501).';
comment on column app_public.projects.starts_on is 'First day.';
comment on column app_public.projects.ends_on is 'Last day, not before the first.';
comment on column app_public.projects.owner_id is 'The member who answers for it; by default its creator. Gives no rights by itself. WS401: not an active member of the tenant.';
comment on column app_public.projects.created_at is 'When it was created.';
comment on column app_public.projects.updated_at is 'When it last changed.';
comment on column app_public.projects.deleted_at is 'When it was deleted, null when it is not; then only those who may restore it see it.';
comment on constraint projects_tenant_id_workspace_id_fkey on app_public.projects is E'@fieldName workspace\n@foreignFieldName projects';

comment on table app_public.project_members is
  'Who works on a project. Leads and the tenant''s admins add, change and remove members, and everyone may leave by deleting their own row. Counts only while the person is an active member of the tenant. WS401: the person is not an active member; 42501: no such project, or you do not lead it; 23505: a member already.';
comment on column app_public.project_members.project_id is 'The project.';
comment on column app_public.project_members.role is 'observer (reads), member (works on it) or lead (edits it and its members).';
comment on column app_public.project_members.created_at is 'When the person became a member.';
comment on column app_public.project_members.updated_at is 'When the membership last changed.';
comment on constraint project_members_tenant_id_project_id_fkey on app_public.project_members is
  E'@fieldName project\n@foreignFieldName members';
comment on constraint project_members_tenant_id_user_id_fkey on app_public.project_members is
  E'@fieldName membership\n@foreignFieldName projectMemberships';
comment on constraint project_members_user_id_fkey on app_public.project_members is
  E'@fieldName user\n@foreignFieldName projectMemberships';

comment on table app_public.institutions is
  E'@behavior -delete\nAn organization outside of this tenant that its people belong to: a hospital, a university, a company. Members add one and edit their own until it is verified; admins edit, verify and delete. 23505: there is one of that name in that country.';
comment on column app_public.institutions.name is 'Name, unique together with its country (capitals aside) among those not deleted; at most 255 characters.';
comment on column app_public.institutions.type is 'hospital, university, research_institute, company, government, nonprofit or other.';
comment on column app_public.institutions.country_code is 'ISO 3166-1 alpha-2, upper case.';
comment on column app_public.institutions.website is 'Address of its website, http or https.';
comment on column app_public.institutions.verified_at is 'When an admin vouched for it (verify_institution), null when nobody has.';
comment on column app_public.institutions.is_verified is 'Whether an admin has vouched for it.';
comment on column app_public.institutions.verified_by_user_id is 'Who vouched for it.';
comment on column app_public.institutions.created_by_user_id is 'Who added it; null when that person is gone.';
comment on column app_public.institutions.created_at is 'When it was added.';
comment on column app_public.institutions.updated_at is 'When it last changed.';
comment on column app_public.institutions.deleted_at is 'When it was deleted, null when it is not; then only admins see it.';

comment on table app_public.institution_members is
  'That a person of this tenant belongs to an institution. Everyone states their own; holders of can_manage_users state anyone''s. 42501: no such institution, or not your own affiliation; 23505: stated already, or another one is primary (set_primary_institution changes that).';
comment on column app_public.institution_members.institution_id is 'The institution.';
comment on column app_public.institution_members.title is 'The person''s position there.';
comment on column app_public.institution_members.department is 'The department there.';
comment on column app_public.institution_members.is_primary is 'Whether it is the one to name first; at most one for each person in a tenant.';
comment on column app_public.institution_members.starts_on is 'First day.';
comment on column app_public.institution_members.ends_on is 'Last day, not before the first; null while it lasts.';
comment on column app_public.institution_members.created_at is 'When it was stated.';
comment on column app_public.institution_members.updated_at is 'When it last changed.';
comment on constraint institution_members_tenant_id_institution_id_fkey on app_public.institution_members is
  E'@fieldName institution\n@foreignFieldName members';
comment on constraint institution_members_tenant_id_user_id_fkey on app_public.institution_members is
  E'@fieldName membership\n@foreignFieldName affiliations';
comment on constraint institution_members_user_id_fkey on app_public.institution_members is
  E'@fieldName user\n@foreignFieldName affiliations';
