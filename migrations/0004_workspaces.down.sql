drop table app_public.institution_members cascade;
drop table app_public.institutions cascade;
drop table app_public.project_members cascade;
drop table app_public.projects cascade;
drop table app_public.workspace_members cascade;
drop table app_public.workspaces cascade;
drop type app_public.member_role cascade;
drop type app_public.workspace_visibility cascade;
