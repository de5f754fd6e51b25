-- Signatures of Standard Webhooks: HMAC-SHA256 in base64 over the id, the timestamp and the body with dots between them.
-- The database signs, so no secret ever leaves it.

create or replace function webhooks.xor_byte(block bytea, mask int) returns bytea
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
begin
  for i in 0 .. octet_length(block) - 1 loop
    block := set_byte(block, i, get_byte(block, i) # mask);
  end loop;
  return block;
end
$$;
comment on function webhooks.xor_byte is 'Bytes, each combined with the mask by exclusive or.';
grant execute on function webhooks.xor_byte to rowhouse_platform;

create or replace function webhooks.hmac_sha256(key bytea, message bytea) returns bytea
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  -- RFC 2104: the key fills a block of SHA-256, which has 64 bytes. No key here is longer than 32.
  v_block constant bytea := hmac_sha256.key || decode(repeat('00', 64 - octet_length(hmac_sha256.key)), 'hex');
begin
  return sha256(webhooks.xor_byte(v_block, 92) || sha256(webhooks.xor_byte(v_block, 54) || hmac_sha256.message));
end
$$;
comment on function webhooks.hmac_sha256 is 'HMAC-SHA256 of a message, with a key of at most 64 bytes.';
grant execute on function webhooks.hmac_sha256 to rowhouse_platform;

create or replace function webhooks.signatures(keys bytea[], message_id text, sent_at bigint, body text) returns text
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select string_agg('v1,' || encode(webhooks.hmac_sha256(k.key,
           convert_to(format('%s.%s.%s', message_id, sent_at, body), 'UTF8')), 'base64'), ' ' order by k.n)
    from unnest(keys) with ordinality as k (key, n)
   where k.key is not null;
$$;
comment on function webhooks.signatures is
  'The header webhook-signature: one signature for each key, in their order, with spaces between them.';
grant execute on function webhooks.signatures to rowhouse_platform;
