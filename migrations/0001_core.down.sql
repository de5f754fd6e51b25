-- Roles stay: other databases of the cluster may use them. So does the extension: it was perhaps there before us.
drop schema app_public, core cascade;
alter default privileges for role rowhouse_owner grant execute on functions to public;
alter default privileges for role rowhouse_platform grant execute on functions to public;
alter default privileges for role rowhouse_worker grant execute on functions to public;
