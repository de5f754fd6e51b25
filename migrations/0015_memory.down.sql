-- Recall
drop type app_public.recalled_memory, memory.recall_request cascade;
drop table memory.postings, memory.entries, memory.indexes cascade;
-- Memories
drop table memory.accesses, memory.requests, memory.near_terms cascade;
drop table app_public.user_memory cascade;
drop type app_public.new_memory, app_public.memory_selection cascade;
drop table memory.people cascade;
drop table app_public.memory_rules, app_public.agent_memory_settings, app_public.memory_settings cascade;
drop domain app_public.memory_status, app_public.memory_type cascade;
drop schema memory cascade;
