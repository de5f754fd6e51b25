-- Sealing: the rows of a tenant since its last batch become a batch, whose head is a hash over all of them and over the head
-- before. So a row that is changed afterwards no longer fits, and neither does one that is missing or was added. Writers do not
-- wait for each other: a task seals what is settled. docs/governance.md states the hashes, so that anybody can compute them.

call core.secure_tenant_table('audit.batches');
grant select, insert on audit.batches to rowhouse_platform;
comment on table audit.batches is 'The sealed batches of the ledger: of each tenant a chain, by number.';
call core.secure_tenant_table('audit.signatures');
grant select, insert on audit.signatures to rowhouse_platform;
comment on table audit.signatures is 'The signatures of the heads of batches.';
revoke update, delete, truncate on audit.batches, audit.signatures from rowhouse_owner;
call audit.make_append_only('audit.batches');
call audit.make_append_only('audit.signatures');
call core.secure_global_table('audit.seal_state', 'ids are given to the rows of all tenants in one order');
grant select, update on audit.seal_state to rowhouse_platform;
comment on table audit.seal_state is 'How far the ledger is sealed.';
call core.secure_global_table('audit.deliveries', 'heads and entries of all tenants go to the same places');
grant select, insert, update on audit.deliveries to rowhouse_platform;
comment on table audit.deliveries is 'What has been delivered to each anchor and stream outside of the database.';

create or replace function audit.exact_time(at timestamptz) returns text
language sql stable parallel safe
return to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
comment on function audit.exact_time is 'A time as the sealed texts have it.';
grant execute on function audit.exact_time to rowhouse_platform;

-- Its body is parsed at creation, so that it becomes a part of the queries that call it for each row.
create or replace function audit.entry_text(entry audit.ledger) returns text
language sql stable parallel safe
return jsonb_build_object(
  'tenant_id', (entry).tenant_id, 'occurred_at', audit.exact_time((entry).occurred_at), 'kind', (entry).kind,
  'operation', (entry).operation, 'table_name', (entry).table_name, 'row_key', (entry).row_key, 'changes', (entry).changes,
  'details', (entry).details, 'actor', (entry).actor, 'actor_name', (entry).actor_name, 'actor_role', (entry).actor_role,
  'actor_user_id', (entry).actor_user_id, 'actor_key_id', (entry).actor_key_id,
  'on_behalf_of_user_id', (entry).on_behalf_of_user_id, 'request_id', (entry).request_id, 'ip', host((entry).ip))::text;
comment on function audit.entry_text is 'The text of an entry that is sealed: everything but its id, which its place in the batch stands for.';
grant execute on function audit.entry_text to rowhouse_platform;

-- The hashes of RFC 6962 (certificate transparency): a leaf can never be taken for an inner node.
create or replace function audit.leaf_hash(value text) returns bytea
language sql immutable parallel safe
return sha256('\x00'::bytea || convert_to(value, 'UTF8'));
comment on function audit.leaf_hash is 'The hash of a sealed text as a leaf of the Merkle tree.';
grant execute on function audit.leaf_hash to rowhouse_platform;

create or replace function audit.merkle_level(hashes bytea) returns bytea
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select string_agg(
      case when 64 * (i + 1) <= octet_length(hashes) then sha256('\x01'::bytea || substr(hashes, 64 * i + 1, 64))
           else substr(hashes, 64 * i + 1, 32) end, '' order by i)
    from generate_series(0, (octet_length(hashes) + 63) / 64 - 1) as i;
$$;
comment on function audit.merkle_level is 'The next level of a Merkle tree: one hash for each two; a last one without a partner goes up as it is.';
grant execute on function audit.merkle_level to rowhouse_platform;

create or replace function audit.merkle_root(leaves bytea) returns bytea
language plpgsql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
declare
  v_level bytea := merkle_root.leaves;
begin
  while octet_length(v_level) > 32 loop
    v_level := audit.merkle_level(v_level);
  end loop;
  return v_level;
end
$$;
comment on function audit.merkle_root is 'The root of the Merkle tree over leaves of 32 bytes each.';
grant execute on function audit.merkle_root to rowhouse_platform;

create or replace function audit.batch_text(batch audit.batches) returns text
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'tenant_id', batch.tenant_id, 'number', batch.number, 'after_id', batch.after_id, 'to_id', batch.to_id,
    'sealed_at', audit.exact_time(batch.sealed_at), 'row_count', cardinality(batch.row_ids),
    'row_ids', encode(sha256(convert_to(array_to_string(batch.row_ids, ','), 'UTF8')), 'hex'),
    'root', encode(batch.root, 'hex'), 'previous', encode(batch.previous, 'hex'))::text;
$$;
comment on function audit.batch_text is 'The text of a batch, whose SHA-256 is its head.';
grant execute on function audit.batch_text to rowhouse_platform;

create or replace function audit.batch_capacity() returns int
language sql immutable parallel safe
return 4096;
comment on function audit.batch_capacity is 'The most entries of a batch.';
grant execute on function audit.batch_capacity to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: the batches of all tenants are sealed by one task
create or replace function audit.seal_batch(tenant_id uuid, to_id bigint) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_last audit.batches;
  v audit.batches;
begin
  select b.* into v_last from audit.batches b where b.tenant_id = seal_batch.tenant_id order by b.number desc limit 1;
  select array_agg(r.id order by r.id), string_agg(r.leaf, '' order by r.id) into v.row_ids, v.leaves
    from (
      select l.id, audit.leaf_hash(audit.entry_text(l)) as leaf from audit.ledger l
       where l.tenant_id = seal_batch.tenant_id and l.id > coalesce(v_last.to_id, 0) and l.id <= seal_batch.to_id
       order by l.id limit audit.batch_capacity()) as r;
  if v.row_ids is null then
    return 0;
  end if;
  v.tenant_id := seal_batch.tenant_id;
  v.number := coalesce(v_last.number, 0) + 1;
  v.after_id := coalesce(v_last.to_id, 0);
  v.to_id := case cardinality(v.row_ids) when audit.batch_capacity() then v.row_ids[audit.batch_capacity()] else seal_batch.to_id end;
  v.sealed_at := clock_timestamp();
  v.root := audit.merkle_root(v.leaves);
  v.previous := coalesce(v_last.head, decode(repeat('00', 32), 'hex'));
  insert into audit.batches (tenant_id, number, after_id, to_id, sealed_at, row_ids, leaves, root, previous, head)
  values (v.tenant_id, v.number, v.after_id, v.to_id, v.sealed_at, v.row_ids, v.leaves, v.root, v.previous,
          sha256(convert_to(audit.batch_text(v), 'UTF8')));
  return cardinality(v.row_ids);
end
$$;
comment on function audit.seal_batch is 'Seals the next batch of a tenant, of entries up to an id. Returns the number of its entries, 0 when there were none.';

create or replace function audit.has_writer_before(xid xid8) returns boolean
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select exists (
    select from pg_locks l
      left join pg_stat_activity a on a.pid = l.pid
     where l.locktype = 'transactionid' and l.mode = 'ExclusiveLock' and l.granted
       -- one that is prepared for a commit in two phases has no process
       and (a.pid is null or a.datid = (select d.oid from pg_database d where d.datname = current_database()))
       -- the lock has the lower half of the id only
       and ((has_writer_before.xid::text::bigint - l.transactionid::text::bigint) & 4294967295) between 1 and 2147483647);
$$;
comment on function audit.has_writer_before is
  'Whether a transaction of this database still runs that began to write before this one. Each holds a lock on its own id until its rows can be seen.';

-- A transaction that has an id above another may commit before it. What is settled is found without any lock: the last id that
-- was given is noted together with a transaction id that is younger than everyone who took an id until then; as soon as no older
-- transaction runs any more, every row up to the noted id is there or will never be.
create or replace function audit.settle() returns bigint
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_last_id constant bigint := (select case when is_called then last_value else 0 end from audit.ledger_id_seq);
  v_state audit.seal_state;
begin
  select s.* into v_state from audit.seal_state s;
  if v_state.marked_xid is null
    -- the mark of another server, from which this database was restored
    or v_state.marked_xid >= pg_snapshot_xmax(pg_current_snapshot()) then
    v_state.marked_id := v_state.sealed_id;
  elsif audit.has_writer_before(v_state.marked_xid) then
    return v_state.sealed_id;
  end if;
  -- A transaction that has an id already could be older than one that took a row's id.
  if pg_current_xact_id_if_assigned() is null then
    update audit.seal_state s set marked_id = v_last_id, marked_xid = pg_current_xact_id();
  end if;
  return v_state.marked_id;
end
$$;
comment on function audit.settle is
  'The id up to which every row of the ledger is there for good, and notes the ids given so far for the next call. It is called in a transaction of its own.';
grant execute on function audit.settle to rowhouse_worker;

create or replace function audit.ids_a_seal() returns bigint
language sql immutable parallel safe
return 20000;
comment on function audit.ids_a_seal is 'How many ids are sealed in one transaction.';

create or replace function audit.seal(settled_id bigint) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_from bigint;
  v_to bigint;
  v_tenant_id uuid;
  v_rows int;
  v_sealed int := 0;
begin
  select s.sealed_id into v_from from audit.seal_state s for update;
  v_to := least(seal.settled_id, v_from + audit.ids_a_seal());
  if v_to <= v_from then
    return null;
  end if;
  for v_tenant_id in select distinct l.tenant_id from audit.ledger l where l.id > v_from and l.id <= v_to order by 1 loop
    loop
      v_rows := audit.seal_batch(v_tenant_id, v_to);
      v_sealed := v_sealed + v_rows;
      exit when v_rows < audit.batch_capacity();
    end loop;
  end loop;
  update audit.seal_state s set sealed_id = v_to;
  return v_sealed;
end
$$;
comment on function audit.seal is
  'Seals what is settled and not sealed yet, 20,000 ids at a time. Returns the number of entries, and null when nothing is left.';
grant execute on function audit.seal to rowhouse_worker;

-- Heads are signed in the order of their sequence, so those without a signature are the last ones. The others are not read again.
create or replace function audit.unsigned_heads(most int)
returns table (tenant_id uuid, number int, head bytea)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select b.tenant_id, b.number, b.head from audit.batches b
   where b.sequence > coalesce((
           select l.sequence from audit.batches l
            where exists (select from audit.signatures s where s.tenant_id = l.tenant_id and s.number = l.number)
            order by l.sequence desc limit 1), 0)
   order by b.sequence limit unsigned_heads.most;
$$;
comment on function audit.unsigned_heads is 'The oldest heads without a signature.';
grant execute on function audit.unsigned_heads to rowhouse_worker;

create or replace function audit.sign(tenant_ids uuid[], numbers int[], public_key bytea, signatures bytea[]) returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  insert into audit.signatures (tenant_id, number, public_key, signature)
  select t.tenant_id, t.number, sign.public_key, t.signature
    from unnest(sign.tenant_ids, sign.numbers, sign.signatures) as t (tenant_id, number, signature)
  on conflict (tenant_id, number) do nothing;
$$;
comment on function audit.sign is 'Keeps the signatures of heads. Of two for the same head the first stays.';
grant execute on function audit.sign to rowhouse_worker;

create or replace function audit.heads_to_anchor(destination text, most int)
returns table (sequence bigint, line text)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select b.sequence, json_build_object('tenant_id', b.tenant_id, 'number', b.number, 'head', encode(b.head, 'hex'),
           'public_key', encode(s.public_key, 'hex'), 'signature', encode(s.signature, 'hex'))::text
    from audit.batches b
    join audit.signatures s on s.tenant_id = b.tenant_id and s.number = b.number
   where b.sequence > coalesce((select d.delivered_to from audit.deliveries d where d.destination = heads_to_anchor.destination), 0)
   order by b.sequence limit heads_to_anchor.most;
$$;
comment on function audit.heads_to_anchor is 'The signed heads that an anchor does not have yet, as lines of JSON.';
grant execute on function audit.heads_to_anchor to rowhouse_worker;

create or replace function audit.entries_to_stream(destination text, most int)
returns table (id bigint, line text)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select l.id, (audit.entry_text(l)::jsonb || jsonb_build_object('id', l.id))::text
    from (select coalesce(max(d.delivered_to), 0) as id from audit.deliveries d where d.destination = entries_to_stream.destination) as last
    join audit.ledger l on l.id > last.id and l.id <= (select s.sealed_id from audit.seal_state s)
   order by l.id limit entries_to_stream.most;
$$;
comment on function audit.entries_to_stream is
  'The sealed entries that a stream does not have yet, in the order of their ids, as lines of JSON. What is sealed is settled, so none comes later with a lower id.';
grant execute on function audit.entries_to_stream to rowhouse_worker;

create or replace function audit.delivered(destination text, up_to bigint) returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  insert into audit.deliveries as d (destination, delivered_to) values (delivered.destination, delivered.up_to)
  on conflict (destination) do update set delivered_to = greatest(d.delivered_to, excluded.delivered_to), delivered_at = now();
$$;
comment on function audit.delivered is 'Notes up to where a destination has everything.';
grant execute on function audit.delivered to rowhouse_worker;

create or replace function audit.list_deliveries() returns table (destination text, delivered_to bigint, delivered_at timestamptz)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select d.destination, d.delivered_to, d.delivered_at from audit.deliveries d order by d.destination;
$$;
comment on function audit.list_deliveries is 'What each anchor and stream has: heads up to a sequence, entries up to an id.';
grant execute on function audit.list_deliveries to rowhouse_worker;

set local role rowhouse_owner;
