-- Vectors of memories, for a tenant whose settings name a built-in embedding model: SQL computes them in the transaction of what they are of.

create or replace function memory.embedding_model() returns app_public.llm_models
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select m from app_public.memory_settings s join app_public.llm_models m on m.id = s.embedding_model_id
   where s.tenant_id = core.current_tenant_id();
$$;
comment on function memory.embedding_model is 'The model whose vectors the memories of this tenant are compared by; null for none.';

create or replace function memory.question_embedding(query text, mode text) returns public.vector
language plpgsql stable
set search_path to pg_catalog, public, pg_temp
as $$
declare
  v_model constant app_public.llm_models := memory.embedding_model();
begin
  return case when v_model.id is not null and question_embedding.mode is distinct from 'bm25'
    then knowledge.hashing_embedding(question_embedding.query, v_model.dimension) end;
end
$$;
comment on function memory.question_embedding is 'The vector of a question; null when only words count.';

create or replace function memory.tg_user_memory__embed() returns trigger
language plpgsql security definer
set search_path to pg_catalog, public, pg_temp
as $$
declare
  v_model constant app_public.llm_models := memory.embedding_model();
begin
  if v_model.id is not null and new.tenant_id = core.current_tenant_id() then
    new.embedding := knowledge.hashing_embedding(new.content, v_model.dimension);
    new.embedding_model_id := v_model.id;
  end if;
  return new;
end
$$;
comment on function memory.tg_user_memory__embed is 'Gives a new version its vector.';

create or replace function memory.tg_memory_settings__check_model() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from app_public.llm_models m join app_public.llm_providers p on p.id = m.provider_id
     where m.id = new.embedding_model_id and p.kind = 'builtin' and m.dimension is not null) then
    perform core.raise_error('MM451', 'embedding_model_id: Memories are compared by a built-in embedding model only.',
      'Name a model of the provider builtin, such as hashing-384, or none.');
  end if;
  return new;
end
$$;
comment on function memory.tg_memory_settings__check_model is E'@errors MM451\nRefuses a model that SQL cannot compute.';

create or replace trigger _300_embed before insert on app_public.user_memory
  for each row execute function memory.tg_user_memory__embed();
create or replace trigger _300_check_model before insert or update of embedding_model_id on app_public.memory_settings
  for each row when (new.embedding_model_id is not null) execute function memory.tg_memory_settings__check_model();
