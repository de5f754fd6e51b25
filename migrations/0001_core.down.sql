-- Roles stay, because other databases of the cluster may use them. Extensions stay, because others may have installed them.
drop schema app_public, core, vault cascade;
alter default privileges for role rowhouse_owner grant execute on functions to public;
alter default privileges for role rowhouse_platform grant execute on functions to public;
alter default privileges for role rowhouse_queue grant execute on functions to public;
