-- Extensions: domains of a team's own, each in a schema of its name, secured and served as ours are.

call core.secure_global_table('core.extensions', 'what is installed is so for every tenant');
comment on table core.extensions is 'The extensions that are installed; npm run migrate adds them.';
comment on column core.extensions.name is E'@notPersonal\nThe name of its folder.';

create or replace function core.api_schemas() returns setof oid
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select n.oid from pg_namespace n where n.nspname = 'app_public' or n.nspname in (select e.name from core.extensions e);
$$;
comment on function core.api_schemas is 'The schemas that GraphQL serves: app_public and those of extensions.';
