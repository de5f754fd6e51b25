-- Random tokens. A token is shown once, and the database keeps only its SHA-256: a token of 256 random bits cannot be found
-- from its hash, so the hash needs no salt and no slow algorithm.

create or replace function tenancy.random_secret() returns bytea
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  -- A UUID has 122 bits of the system's random source, so three have more than the 256 bits of the hash.
  select sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
$$;
comment on function tenancy.random_secret is
  '256 random bits for a token.';

create or replace function tenancy.token_hash(token text) returns bytea
language sql immutable parallel safe
return sha256(convert_to(coalesce(token, ''), 'UTF8'));
comment on function tenancy.token_hash is
  'The SHA-256 of a token, as vault keeps it.';
grant execute on function tenancy.token_hash to rowhouse_platform;
