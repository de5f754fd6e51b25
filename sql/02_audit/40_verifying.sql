-- Verifying: the entries that are there beside those that were sealed. What was altered, deleted, inserted or reordered is named.
-- Heads that were cut off at the end are known only to anchors outside of the database, which npm run audit -- verify compares.

-- Its body is parsed at creation, so that it becomes a part of the queries that call it, and a batch is read from an index.
create or replace function audit.entries_of(batch audit.batches) returns setof audit.ledger
language sql stable
begin atomic
  select l.* from audit.ledger l
   where l.tenant_id = (batch).tenant_id and l.id <= (batch).to_id
     -- an entry before the first one was inserted
     and (l.id > (batch).after_id or (batch).number = 1);
end;
comment on function audit.entries_of is 'The entries that are now where a batch was sealed.';
grant execute on function audit.entries_of to rowhouse_platform;

set local role rowhouse_platform;  -- outside the wall: the ledger of a tenant that is gone is verified, too
create or replace function audit.verify_entries(batch audit.batches) returns table (problem text, entry_id bigint)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  with sealed as (
    select i.id, substr(batch.leaves, 32 * (i.n - 1)::int + 1, 32) as leaf
      from unnest(batch.row_ids) with ordinality as i (id, n)
  ), present as (
    select l.id, audit.leaf_hash(audit.entry_text(l)) as leaf from audit.entries_of(batch) l
  )
  select case
           when p.leaf in (select other.leaf from sealed other) then 'reordered'
           when p.id is null then 'deleted'
           when s.id is null then 'inserted'
           else 'altered' end,
         coalesce(s.id, p.id)
    from sealed s full join present p on p.id = s.id
   where s.leaf is distinct from p.leaf
   order by 2;
$$;
comment on function audit.verify_entries is
  'The entries of a batch that are not as they were sealed: altered, deleted, inserted, or reordered, which is an entry that was sealed at another place.';

create or replace function audit.verify_batch(batch audit.batches, before audit.batches) returns table (problem text, entry_id bigint)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_ids bigint[];
  v_leaves bytea;
begin
  if batch.number > coalesce((before).number, 0) + 1 then
    return query select 'batch_missing', null::bigint;
  elsif batch.previous <> coalesce((before).head, decode(repeat('00', 32), 'hex')) or batch.after_id <> coalesce((before).to_id, 0) then
    return query select 'chain_broken', null::bigint;
  end if;
  if batch.head <> sha256(convert_to(audit.batch_text(batch), 'UTF8')) or batch.root <> audit.merkle_root(batch.leaves) then
    return query select 'batch_altered', null::bigint;
  end if;
  select array_agg(r.id order by r.id), string_agg(r.leaf, '' order by r.id) into v_ids, v_leaves
    from (select l.id, audit.leaf_hash(audit.entry_text(l)) as leaf from audit.entries_of(batch) l) as r;
  if v_ids is distinct from batch.row_ids or v_leaves is distinct from batch.leaves then
    return query select e.problem, e.entry_id from audit.verify_entries(batch) e;
  end if;
end
$$;
comment on function audit.verify_batch is 'What does not fit in a batch: to the batch before, in itself, and to its entries.';

create or replace function audit.verify(tenant_id uuid, from_at timestamptz default null, to_at timestamptz default null)
returns table (batch_number int, problem text, entry_id bigint)
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_batch audit.batches;
  v_before audit.batches;
begin
  select b.* into v_before from audit.batches b
   where b.tenant_id = verify.tenant_id and b.sealed_at < verify.from_at order by b.number desc limit 1;
  for v_batch in
    select b.* from audit.batches b
     where b.tenant_id = verify.tenant_id and b.number > coalesce(v_before.number, 0) and b.sealed_at <= coalesce(verify.to_at, 'infinity')
     order by b.number
  loop
    return query select v_batch.number, f.problem, f.entry_id from audit.verify_batch(v_batch, v_before) f;
    v_before := v_batch;
  end loop;
end
$$;
comment on function audit.verify is
  'What does not fit in the ledger of a tenant, in the batches that were sealed in this time: altered, deleted, inserted and reordered entries, altered and missing batches. Normally there is nothing. That the last batches were cut off only an anchor shows.';
grant execute on function audit.verify to rowhouse_worker, rowhouse_owner;

-- A batch, its signature and its entries as lines of JSON. The texts that are hashed stand in them as strings, so that whoever
-- checks them needs no knowledge of how PostgreSQL writes JSON.
create or replace function audit.export_batch(tenant_id uuid, number int) returns setof text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select json_build_object('batch', audit.batch_text(b), 'row_ids', b.row_ids, 'leaves', encode(b.leaves, 'hex'),
           'public_key', encode(s.public_key, 'hex'), 'signature', encode(s.signature, 'hex'))::text
    from audit.batches b left join audit.signatures s on s.tenant_id = b.tenant_id and s.number = b.number
   where b.tenant_id = export_batch.tenant_id and b.number = export_batch.number
  union all (
    select json_build_object('id', l.id, 'entry', audit.entry_text(l))::text
      from audit.batches b, audit.entries_of(b) l
     where b.tenant_id = export_batch.tenant_id and b.number = export_batch.number
     order by l.id);
$$;
comment on function audit.export_batch is 'A sealed batch and its entries as lines of JSON, from which npm run audit -- verify needs nothing else but the public key.';
grant execute on function audit.export_batch to rowhouse_worker;

create or replace function audit.batch_numbers(tenant_id uuid, after_number int, most int) returns setof int
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select b.number from audit.batches b
   where b.tenant_id = batch_numbers.tenant_id and b.number > batch_numbers.after_number order by b.number limit batch_numbers.most;
$$;
comment on function audit.batch_numbers is 'The numbers of a tenant''s batches after this one.';
grant execute on function audit.batch_numbers to rowhouse_worker;

create or replace function audit.proof(tenant_id uuid, entry_id bigint) returns jsonb
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_batch audit.batches;
  v_index int;
  v_level bytea;
  v_partner int;
  v_path jsonb := '[]';
begin
  select b.* into v_batch from audit.batches b
   where b.tenant_id = proof.tenant_id and b.to_id >= proof.entry_id order by b.number limit 1;
  v_index := array_position(v_batch.row_ids, proof.entry_id) - 1;
  if v_index is null then
    perform core.raise_error('UD301', 'This entry is not sealed.', 'Entries are sealed a few minutes after they were made.');
  end if;
  v_level := v_batch.leaves;
  for v_depth in 0 .. 12 loop
    exit when octet_length(v_level) = 32;
    v_partner := case when (v_index >> v_depth) % 2 = 0 then (v_index >> v_depth) + 1 else (v_index >> v_depth) - 1 end;
    if 32 * v_partner < octet_length(v_level) then
      v_path := v_path || jsonb_build_object(
        'side', case when v_partner % 2 = 0 then 'left' else 'right' end, 'hash', encode(substr(v_level, 32 * v_partner + 1, 32), 'hex'));
    end if;
    v_level := audit.merkle_level(v_level);
  end loop;
  return (
    select jsonb_build_object('id', proof.entry_id, 'entry', audit.entry_text(l), 'path', v_path, 'batch', audit.batch_text(v_batch),
             'public_key', encode(s.public_key, 'hex'), 'signature', encode(s.signature, 'hex'))
      from audit.ledger l
      left join audit.signatures s on s.tenant_id = l.tenant_id and s.number = v_batch.number
     where l.tenant_id = proof.tenant_id and l.id = proof.entry_id);
end
$$;
comment on function audit.proof is
  E'@errors UD301\nWhat proves to anybody that an entry was sealed: its text, the hashes on the way from it to the root of its batch, the batch and its signature.';
grant execute on function audit.proof to rowhouse_worker, rowhouse_owner;

set local role rowhouse_owner;
