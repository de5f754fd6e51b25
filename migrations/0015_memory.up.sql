-- Memory: what agents remember of people.

create schema memory authorization rowhouse_owner;
comment on schema memory is 'What agents remember of people: its validity, its index, its forgetting.';
grant usage on schema memory to rowhouse_authenticator, rowhouse_user, rowhouse_worker, rowhouse_platform;

set role rowhouse_owner;

-- Memories ------------------------------------------------------------------------------------------------------------------


-- Recall --------------------------------------------------------------------------------------------------------------------

reset role;
